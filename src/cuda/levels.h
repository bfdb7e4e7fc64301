// Decoded values as 8-bit levels on the GPU.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cuda {

// x: f32 or bf16, y: u8.
void to_levels(Context& ctx, const Tensor& x, Tensor& y);

}  // namespace t3video::cuda
