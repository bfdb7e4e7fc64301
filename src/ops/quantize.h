// Decoded values as 8-bit code values.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

// x: f32 or the compute type, any shape, -1..1. Returns quantize_u8 (core/quantize.h) of each element, u8, of x's
// shape.
Tensor quantize_u8(Context& ctx, const Tensor& x);

}  // namespace t3video::ops
