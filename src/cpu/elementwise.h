// Element by element arithmetic on the CPU, f32.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

void mul(Context& ctx, const Tensor& a, const Tensor& b, Tensor& y);
// y = alpha * a + beta * b
void axpby(Context& ctx, float alpha, const Tensor& a, float beta, const Tensor& b, Tensor& y);
void silu(Context& ctx, const Tensor& x, Tensor& y);
void gelu_tanh(Context& ctx, const Tensor& x, Tensor& y);
void soft_clamp(Context& ctx, const Tensor& x, float bound, Tensor& y);
// x += gate * h, or h.
void add_residual(Context& ctx, ops::Rows& x, const ops::Residual& residual, const ops::TokenSets& sets);
// x, y: [..., C]; scale, shift: [C].
void affine(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift, Tensor& y);
// x, y: [N, C]; row: [C].
void add_row(Context& ctx, const Tensor& x, const Tensor& row, Tensor& y);
// dx may be dy.
void silu_backward(Context& ctx, const Tensor& x, const Tensor& dy, Tensor& dx);
void gelu_tanh_backward(Context& ctx, const Tensor& x, const Tensor& dy, Tensor& dx);
void add_gated_backward(Context& ctx, const ops::Rows& dx, const Tensor& gate, const Tensor& h,
                        const ops::TokenSets& sets, Tensor& dh, Tensor* dgate);

}  // namespace t3video::cpu
