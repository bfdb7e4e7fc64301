// Element by element arithmetic on f32 tensors and those of the context's compute type; computed in f32, results have
// the type of the first operand.
#pragma once

#include "tensor/op_types.h"

namespace t3video::ops {

Tensor add(Context& ctx, const Tensor& a, const Tensor& b);
Tensor mul(Context& ctx, const Tensor& a, const Tensor& b);
// alpha * x + beta * y
Tensor axpby(Context& ctx, float alpha, const Tensor& x, float beta, const Tensor& y);
// The same into `result`, of x's shape and type.
void axpby_into(Context& ctx, float alpha, const Tensor& x, float beta, const Tensor& y, Tensor& result);
// Every row of x plus the same row.   x: [N, C]; row: f32 of C elements.
Tensor add_row(Context& ctx, const Tensor& x, const Tensor& row);
Tensor silu(Context& ctx, const Tensor& x);
Tensor gelu_tanh(Context& ctx, const Tensor& x);
// bound * tanh(x / bound): about x near zero, never beyond the bound.
Tensor soft_clamp(Context& ctx, const Tensor& x, float bound);
// x += h
void add_to(Context& ctx, Tensor& x, const Tensor& h);
// x += gate * h.   x: n rows of width C; h: [n, C]; gate: [S, C] f32, which a row's token takes one of.
void add_gated_to(Context& ctx, Rows& x, const Tensor& gate, const Tensor& h, const TokenSets& sets);
// Backward of activations: dy * f'(x), of dy's type.
//     silu' = s (1 + x (1 - s)), s = 1 / (1 + exp(-x))
//     gelu_tanh' = s + x s (1 - s) 2u', s = 1 / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3)
Tensor silu_backward(Context& ctx, const Tensor& x, const Tensor& dy);
Tensor gelu_tanh_backward(Context& ctx, const Tensor& x, const Tensor& dy);
// Backward of add_gated_to for n rows dx of the sum's gradient, which is that of x as well:
//     dh = gate * dx, returned of h's type;    dgate += sum of rows of dx * h, of each set.
// Without dgate, which is null where nobody asks, h lends its type alone.
Tensor add_gated_backward(Context& ctx, const Rows& dx, const Tensor& gate, const Tensor& h, const TokenSets& sets,
                          Tensor* dgate);
// x * scale[c] + shift[c] over the last axis.   scale, shift: [C] f32.
Tensor affine(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift);

}  // namespace t3video::ops
