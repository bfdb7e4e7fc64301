// Rotary position embedding on the GPU, together with the norm in front of it.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::cuda {

// Up to three operands of the same shape, f32 or bf16. Row i is token order[i] of the table's grid, or first + i.
void norm_rope(Context& ctx, std::span<const ops::NormRope> operands, const ops::RopeTable& table, int64_t first,
               const Tensor* order);

}  // namespace t3video::cuda
