// Element by element arithmetic on the CPU, f32.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cpu {

void mul(Context& ctx, const Tensor& a, const Tensor& b, Tensor& y);
// y = alpha * a + beta * b
void axpby(Context& ctx, float alpha, const Tensor& a, float beta, const Tensor& b, Tensor& y);
void silu(Context& ctx, const Tensor& x, Tensor& y);
void gelu_tanh(Context& ctx, const Tensor& x, Tensor& y);
// x, h, y: [N, C]; gate: [S, C], rows before `boundary` use set 0, the others the last one.
void gated_add(Context& ctx, const Tensor& x, const Tensor& gate, const Tensor& h, int64_t boundary, Tensor& y);
// x, y: [..., C]; scale, shift: [C].
void affine(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift, Tensor& y);

}  // namespace t3video::cpu
