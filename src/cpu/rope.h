// Rotary position embedding on the CPU.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

// Row i is token order[i], or first + i. y may be x.
void rope(Context& ctx, const Tensor& x, const ops::RopeTable& table, int64_t heads, int64_t first, const Tensor* order,
          Tensor& y);

}  // namespace t3video::cpu
