// Angles of Wan's three-axis rotary embedding.
#pragma once

#include "ops/rope.h"

namespace t3video::nn {

// A head of width d gives the h and the w axis d/6 pairs each (rounded down) and the t axis the rest; pair i of an axis
// with n pairs turns by position * 10000^(-i/n). Positions start at 0. Throws Error for an odd width.
ops::RopeTable make_rope_table(Context& ctx, const Grid& grid, int64_t head_width);

}  // namespace t3video::nn
