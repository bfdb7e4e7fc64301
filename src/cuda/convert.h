// Element type conversion on the GPU.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cuda {

// f32, f16 and bf16 in any direction, rounding to nearest even.
void convert(Context& ctx, const Tensor& x, Tensor& y);

// x itself when it holds f32, else a converted copy.
Tensor as_f32(Context& ctx, const Tensor& x);

}  // namespace t3video::cuda
