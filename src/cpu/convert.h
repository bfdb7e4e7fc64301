// Element type conversion on the CPU.
#pragma once

#include "tensor/stored.h"

namespace t3video::cpu {

// y = x in y's type, rounding to nearest even; f32, f16 and bf16 in any direction.
void convert(Context& ctx, const Stored& x, Tensor& y);

// x itself when it holds f32, else a converted copy.
Tensor as_f32(Context& ctx, const Stored& x);

}  // namespace t3video::cpu
