// Losses: see ops/loss.h.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

// Of samples [B, C, T, H, W]. Returns the sum of squares of each, and writes the gradient: 0 in frames that do not
// count.
std::vector<double> squared_errors(Context& ctx, const Tensor& prediction, const Tensor& target,
                                   std::span<const ops::ErrorSlope> slopes, Tensor& gradient);

}  // namespace t3video::cpu
