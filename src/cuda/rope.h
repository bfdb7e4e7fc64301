// Rotary position embedding on the GPU, together with the norm in front of it.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cuda {

// y = rotation of x, or of its RMS norm where `weight` is given. x, y: [n, heads*d], f32 or bf16, tokens first ..
// first+n-1 of the table's grid; y may be x.
void norm_rope(Context& ctx, const Tensor& x, const Tensor* weight, float eps, const ops::RopeTable& table,
               int64_t heads, int64_t first, Tensor& y);

}  // namespace t3video::cuda
