// A residual step of a block and the norm behind it, in one pass over the stream.
#pragma once

#include "tensor/op_types.h"

namespace t3video::ops {

// Adds to rows of x, [N, C] f32, what `residual` (tensor/op_types.h) says; its h is f32 or of the compute type, and by
// default belongs to rows 0 .. N-1. Returns the norms of the sums, [n, C] of the compute type, row i being that of row
// i of h.

// Norms as ops::norm_modulate: layer_norm * (1 + scale) + shift.   scale, shift: [S, C] f32, S = 1 or 2, sets by
// residual.boundary.
Tensor add_norm_modulate(Context& ctx, Tensor& x, const Residual& residual, const Tensor& scale, const Tensor& shift,
                         float eps);
// Norms as ops::layer_norm: layer_norm * weight + bias.   weight, bias: [C].
Tensor add_layer_norm(Context& ctx, Tensor& x, const Residual& residual, const Tensor& weight, const Tensor& bias,
                      float eps);

}  // namespace t3video::ops
