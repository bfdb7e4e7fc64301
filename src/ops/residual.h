// A residual step of a block and the norm behind it, in one pass over the stream.
#pragma once

#include "tensor/op_types.h"

namespace t3video::ops {

// Adds to n rows x of width C, f32, what `residual` (tensor/op_types.h) says; its h is f32 or of the compute type.
// Returns the norms of the sums, [n, C] of the compute type. Of what comes in sets a row's token takes one.

// Norms as ops::norm_modulate: layer_norm * (1 + scale) + shift.   scale, shift: [S, C] f32.
Tensor add_norm_modulate(Context& ctx, Rows& x, const Residual& residual, const Tensor& scale, const Tensor& shift,
                         const TokenSets& sets, float eps);
// Norms as ops::layer_norm: layer_norm * weight + bias.   weight, bias: [C].
Tensor add_layer_norm(Context& ctx, Rows& x, const Residual& residual, const Tensor& weight, const Tensor& bias,
                      const TokenSets& sets, float eps);

}  // namespace t3video::ops
