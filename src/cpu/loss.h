// Losses: see ops/loss.h.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

// Returns the sum of squares over frames from `first_frame` on; gradient = slope * difference there, 0 before.
double squared_error(Context& ctx, const Tensor& prediction, const Tensor& target, int64_t first_frame, float slope,
                     Tensor& gradient);

}  // namespace t3video::cpu
