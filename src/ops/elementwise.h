// Element by element arithmetic on f32 tensors.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

Tensor add(Context& ctx, const Tensor& a, const Tensor& b);
Tensor mul(Context& ctx, const Tensor& a, const Tensor& b);
// alpha * x + beta * y
Tensor axpby(Context& ctx, float alpha, const Tensor& x, float beta, const Tensor& y);
Tensor silu(Context& ctx, const Tensor& x);
Tensor gelu_tanh(Context& ctx, const Tensor& x);
// x + gate * h.   x, h: [N, C]; gate: [S, C], S = 1 or 2; rows before `boundary` use set 0, the others the last set.
Tensor gated_add(Context& ctx, const Tensor& x, const Tensor& gate, const Tensor& h, int64_t boundary);
// x * scale[c] + shift[c] over the last axis.   scale, shift: [C] f32.
Tensor affine(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift);

}  // namespace t3video::ops
