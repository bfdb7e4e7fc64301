// Decoded values as 8-bit code values on the CPU.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cpu {

// x: f32, y: u8.
void quantize_u8(Context& ctx, const Tensor& x, Tensor& y);

}  // namespace t3video::cpu
