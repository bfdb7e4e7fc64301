// Depthwise convolution on the CPU, f32.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cpu {

// x: [T + 1, H, W, C]; weight: [side*side, 2C]; y: [T, H, W, 2C].
void depthwise_with_past(Context& ctx, const Tensor& x, const Tensor& weight, int64_t side, Tensor& y);

}  // namespace t3video::cpu
