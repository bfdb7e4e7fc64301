// Element type conversion, rounding to nearest even.
#pragma once

#include "tensor/stored.h"

namespace t3video::ops {

// x itself when it already has the type. f32, f16, bf16 in any direction; an encoded x is decoded in host memory.
Tensor convert(Context& ctx, const Stored& x, DType dtype);

// The same of an x that may still lie in host memory, where the context computes.
Tensor convert_to_device(Context& ctx, const Stored& x, DType dtype);

// x, f32, takes the values that it has in the narrower type; returns them in that type.
Tensor round_in_place(Context& ctx, Tensor& x, DType dtype);

}  // namespace t3video::ops
