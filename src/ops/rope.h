// Rotary position embedding over (t, h, w); spec: dit, section 4.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

// Cosines and sines of the angles of each axis, [positions, pairs of the axis] f32. The pairs of a head are divided among
// the axes in the order t, h, w.
struct RopeTable {
    Grid grid;
    Tensor cos_t, sin_t, cos_h, sin_h, cos_w, sin_w;
};

// x: [grid.tokens(), heads*d] f32, d/2 = pairs of all three axes; neighbours (2j, 2j+1) form a pair. Returns the rotated x.
Tensor rope(Context& ctx, const Tensor& x, const RopeTable& table, int64_t heads);

}  // namespace t3video::ops
