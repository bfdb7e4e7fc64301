// Rotary position embedding over (t, h, w), as in "Wan: Open and Advanced Large-Scale Video Generative Models".
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::ops {

// x: [n, heads*d], tokens first .. first+n-1 of the table's grids; d/2 = pairs of all three axes; neighbours (2j, 2j+1)
// form a pair. Returns the rotated x, of x's type.
Tensor rope(Context& ctx, const Tensor& x, const RopeTable& table, int64_t heads, int64_t first = 0);

// Of up to three tensors of the same shape and type, such as queries and keys of the same tokens: the RMS norm over the
// whole width (ops/norm.h), then the rotation, into y: [n, heads*d] of x's type.
void norm_rope_into(Context& ctx, std::span<const NormRope> operands, const RopeTable& table, int64_t heads,
                    const Tokens& tokens = {});

// Its backward: the rotation turned back, g = R^T dy, then ops::rms_norm_backward of g. Of up to three operands that
// agree as above.
void norm_rope_backward_into(Context& ctx, std::span<const NormRopeGradient> operands, const RopeTable& table,
                             int64_t heads, const Tokens& tokens = {});

}  // namespace t3video::ops
