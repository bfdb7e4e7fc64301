// What training compares.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

struct Loss {
    double value = 0;  // the mean of (prediction - target)^2
    Tensor gradient;   // factor * d value / d prediction
};

// Of latents [C, T, H, W], f32, over the frames from `first_frame` on; the gradient of earlier ones is zero. Not finite
// where an operand is not.
Loss squared_error(Context& ctx, const Tensor& prediction, const Tensor& target, int64_t first_frame, float factor);

}  // namespace t3video::ops
