// Rotary position embedding on the GPU, together with the norm in front of it.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::cuda {

// Up to three operands of the same shape, f32 or bf16; tokens of the table's grid.
void norm_rope(Context& ctx, std::span<const ops::NormRope> operands, const ops::RopeTable& table,
               const ops::Tokens& tokens);
void norm_rope_backward(Context& ctx, std::span<const ops::NormRopeGradient> operands, const ops::RopeTable& table,
                        const ops::Tokens& tokens);

}  // namespace t3video::cuda
