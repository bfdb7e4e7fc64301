// Element type conversion, rounding to nearest even.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

// x itself when it already has the type. f32, f16, bf16 in any direction.
Tensor convert(Context& ctx, const Tensor& x, DType dtype);

}  // namespace t3video::ops
