// rope: shapes and dispatch.
#include "ops/rope.h"

#include "cpu/rope.h"

namespace t3video::ops {

Tensor rope(Context& ctx, const Tensor& x, const RopeTable& table, int64_t heads) {
    const int64_t pairs = table.cos_t.dim(1) + table.cos_h.dim(1) + table.cos_w.dim(1);
    require(x.rank() == 2 && x.dim(0) == table.grid.tokens() && x.dim(1) == heads * 2 * pairs, "rope: x ", x.shape(),
            " for grid ", table.grid, ", ", heads, " heads of ", 2 * pairs);
    require(
        table.cos_t.dim(0) >= table.grid.t && table.cos_h.dim(0) >= table.grid.h && table.cos_w.dim(0) >= table.grid.w,
        "rope: the table is smaller than grid ", table.grid);
    Tensor y = empty_like(ctx, x);
    cpu::rope(ctx, x, table, heads, y);
    return y;
}

}  // namespace t3video::ops
