// Decoded values as 8-bit code values on the GPU.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cuda {

// x: f32 or bf16, y: u8.
void quantize_u8(Context& ctx, const Tensor& x, Tensor& y);

}  // namespace t3video::cuda
