// Decoded values as 8-bit levels on the CPU.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cpu {

// x: f32, y: u8.
void to_levels(Context& ctx, const Tensor& x, Tensor& y);

}  // namespace t3video::cpu
