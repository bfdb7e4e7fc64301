// Decoded values as 8-bit levels.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

// x: f32 or the compute type, any shape, -1..1. Returns the levels of core/levels.h, u8, of x's shape.
Tensor to_levels(Context& ctx, const Tensor& x);

}  // namespace t3video::ops
