// rope: shapes and dispatch.
#include "ops/rope.h"

#include "cpu/norm.h"
#include "cpu/rope.h"
#include "cuda/rope.h"
#include "ops/dispatch.h"

namespace t3video::ops {
namespace {

void check(const Tensor& x, const RopeTable& table, int64_t heads, int64_t first) {
    const int64_t pairs = table.cos_t.dim(1) + table.cos_h.dim(1) + table.cos_w.dim(1);
    require(x.rank() == 2 && first >= 0 && first + x.dim(0) <= table.grid.tokens() && x.dim(1) == heads * 2 * pairs,
            "rope: x ", x.shape(), " from token ", first, " for grid ", table.grid, ", ", heads, " heads of ",
            2 * pairs);
    require(
        table.cos_t.dim(0) >= table.grid.t && table.cos_h.dim(0) >= table.grid.h && table.cos_w.dim(0) >= table.grid.w,
        "rope: the table is smaller than grid ", table.grid);
}

}  // namespace

Tensor rope(Context& ctx, const Tensor& x, const RopeTable& table, int64_t heads, int64_t first) {
    check(x, table, heads, first);
    Tensor y = empty_like(ctx, x);
    dispatch(
        ctx, moved(x, y), [&] { cpu::rope(ctx, x, table, heads, first, y); },
        [&] { cuda::norm_rope(ctx, x, nullptr, 0.0f, table, heads, first, y); });
    return y;
}

void norm_rope_into(Context& ctx, const Tensor& x, const Tensor& weight, float eps, const RopeTable& table,
                    int64_t heads, int64_t first, Tensor& y) {
    check(x, table, heads, first);
    require(weight.numel() == x.dim(1) && y.shape() == x.shape() && y.dtype() == x.dtype(), "norm_rope: weight ",
            weight.shape(), ", y ", y.shape(), " of ", y.dtype(), " for x ", x.shape(), " of ", x.dtype());
    const auto on_cpu = [&] {
        cpu::rms_norm(ctx, x, weight, eps, y);
        cpu::rope(ctx, y, table, heads, first, y);
    };
    dispatch(ctx, moved(x, y), on_cpu, [&] { cuda::norm_rope(ctx, x, &weight, eps, table, heads, first, y); });
}

}  // namespace t3video::ops
