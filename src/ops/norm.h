// Normalisations over the last axis. Inputs are f32 or of the context's compute type, results of the compute type;
// weights may be f32, f16 or bf16. Statistics are f32.
#pragma once

#include "tensor/op_types.h"

namespace t3video::ops {

// y = x * rsqrt(mean(x^2) + eps) * weight.   x: [..., C], weight: C elements of any shape.
Tensor rms_norm(Context& ctx, const Tensor& x, const Tensor& weight, float eps);

// y = (x - mean) * rsqrt(var + eps) * weight + bias.   weight, bias: [C].
Tensor layer_norm(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, float eps);

// y = layer_norm(x) * (1 + scale) + shift, without learned weights: the modulation of a Wan block.
// x: n rows of width C; scale, shift: [S, C] f32, which a row's token takes one of. Returns [n, C].
Tensor norm_modulate(Context& ctx, const Rows& x, const Tensor& scale, const Tensor& shift, const TokenSets& sets,
                     float eps);

// Backward of the three, with n = (x - mean) * rstd, of RMS norms mean 0; g = dy * weight, or dy * (1 + scale):
//     dx = rstd * (g - mean(g) - n * mean(g * n)), of RMS norms without mean(g)
//     dweight, dscale += sum of rows of dy * n,    dbias, dshift += sum of rows of dy
// Gradients of parameters are f32, of the parameter's elements, and null where nobody asks.

// Returns dx, of dy's type.
Tensor rms_norm_backward(Context& ctx, const Tensor& x, const Tensor& weight, float eps, const Tensor& dy,
                         Tensor* dweight);
// Add to the rows dx, f32, as many as x; dy: [n, C]. x may lie elsewhere than dx, with the same tokens.
void layer_norm_backward(Context& ctx, const Rows& x, const Tensor& weight, float eps, const Tensor& dy, Rows& dx,
                         Tensor* dweight, Tensor* dbias);
void norm_modulate_backward(Context& ctx, const Rows& x, const Tensor& scale, const TokenSets& sets, float eps,
                            const Tensor& dy, Rows& dx, Tensor* dscale, Tensor* dshift);

// y = x / max(||x||, 1e-12) * sqrt(C) * gamma, then SiLU if asked.   x: [..., C], gamma: C elements of any shape.
Tensor channel_norm(Context& ctx, const Tensor& x, const Tensor& gamma, bool silu);
// The same into y, of x's shape and the compute type.
void channel_norm_into(Context& ctx, const Tensor& x, const Tensor& gamma, bool silu, Tensor& y);

}  // namespace t3video::ops
