// Rotary position embedding over (t, h, w), as in "Wan: Open and Advanced Large-Scale Video Generative Models".
#pragma once

#include "tensor/op_types.h"

namespace t3video::ops {

// x: [grid.tokens(), heads*d] f32, d/2 = pairs of all three axes; neighbours (2j, 2j+1) form a pair. Returns the
// rotated x.
Tensor rope(Context& ctx, const Tensor& x, const RopeTable& table, int64_t heads);

}  // namespace t3video::ops
