// Depthwise convolution on the GPU.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cuda {

// x: [T + 1, H, W, C], f32 or bf16; weight: [side*side, 2C] f32; y: [T, H, W, 2C] of x's type.
void depthwise_with_past(Context& ctx, const Tensor& x, const Tensor& weight, int64_t side, Tensor& y);

}  // namespace t3video::cuda
