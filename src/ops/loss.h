// What training compares.
#pragma once

#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::ops {

struct Loss {
    double value = 0;  // the mean of (prediction - target)^2
    Tensor gradient;   // factor * d value / d prediction
};

// How a sample's error counts.
struct LossOptions {
    int64_t first_frame = 0;
    float factor = 1;
};

// Of several samples.
struct Losses {
    std::vector<double> values;
    Tensor gradient;  // of each sample as Loss says
};

// Of latents [C, T, H, W], f32, over the frames from `first_frame` on; the gradient of earlier ones is zero. Not finite
// where an operand is not.
Loss squared_error(Context& ctx, const Tensor& prediction, const Tensor& target, int64_t first_frame, float factor);
// Of samples [B, C, T, H, W], each with options of its own and the bits that it has alone.
Losses squared_errors(Context& ctx, const Tensor& prediction, const Tensor& target,
                      std::span<const LossOptions> options);

}  // namespace t3video::ops
