// Layout ops: shapes and dispatch.
#include "ops/layout.h"

#include <algorithm>

#include "cpu/layout.h"
#include "cuda/layout.h"
#include "ops/dispatch.h"
#include "ops/row_checks.h"

namespace t3video::ops {

Tensor gather_rows(Context& ctx, const Stored& table, std::span<const int64_t> ids) {
    require(table.rank() == 2, "gather_rows: table ", table.shape());
    for (const int64_t id : ids) {
        require(0 <= id && id < table.dim(0), "gather_rows: row ", id, " of a table with ", table.dim(0), " rows");
    }
    const Shape shape{static_cast<int64_t>(ids.size()), table.dim(1)};
    const bool on_host = table.encoding() || table.numbers().device() == Device::cpu;
    if (on_host && ctx.device() == Device::cuda) {
        Tensor rows = empty_on_host(shape);
        cpu::gather_rows(ctx, table, ids, rows);
        return to_device(ctx, rows);
    }
    Tensor y = empty(ctx, shape);
    dispatch(
        ctx, moved(y, y), [&] { cpu::gather_rows(ctx, table, ids, y); },
        [&] { cuda::gather_rows(ctx, table.numbers(), ids, y); });
    return y;
}

Tensor concat(Context& ctx, std::span<const Tensor> parts) {
    require(!parts.empty(), "concat: nothing to join");
    Shape shape = parts[0].shape();
    int64_t rows = 0;
    for (const Tensor& part : parts) {
        Shape expected = shape;
        expected.set_dim(0, part.dim(0));
        require(part.shape() == expected && part.dtype() == parts[0].dtype(), "concat: ", part.shape(), " of ",
                part.dtype(), " beside ", shape, " of ", parts[0].dtype());
        rows += part.dim(0);
    }
    shape.set_dim(0, rows);
    Tensor y = empty(ctx, shape, parts[0].dtype());
    ctx.count(moved(y, y));
    int64_t first = 0;
    for (const Tensor& part : parts) {
        Tensor target = y.slice(first, first + part.dim(0));
        copy_into(ctx, target, part);
        first += part.dim(0);
    }
    return y;
}

Tensor transpose(Context& ctx, const Tensor& x) {
    require(x.rank() == 2, "transpose: x ", x.shape());
    Tensor y = empty(ctx, {x.dim(1), x.dim(0)}, x.dtype());
    dispatch(
        ctx, moved(x, y), [&] { cpu::transpose(ctx, x, y); }, [&] { cuda::transpose(ctx, x, y); });
    return y;
}

Tensor columns(Context& ctx, const Tensor& x, int64_t begin, int64_t end) {
    require(x.rank() == 2 && 0 <= begin && begin <= end && end <= x.dim(1), "columns: [", begin, ", ", end, ") of ",
            x.shape());
    Tensor y = empty(ctx, {x.dim(0), end - begin}, x.dtype());
    dispatch(
        ctx, moved(y, y), [&] { cpu::columns(ctx, x, begin, y); }, [&] { cuda::columns(ctx, x, begin, y); });
    return y;
}

Tensor patchify(Context& ctx, const Tensor& x) {
    require(x.rank() == 4 && x.dim(2) % 2 == 0 && x.dim(3) % 2 == 0, "patchify: latent ", x.shape(),
            " needs [channels, frames, rows, columns] with even rows and columns");
    Tensor y = empty(ctx, {x.dim(1) * (x.dim(2) / 2) * (x.dim(3) / 2), x.dim(0) * 4}, ctx.compute_type());
    dispatch(
        ctx, moved(x, y), [&] { cpu::patchify(ctx, x, y); }, [&] { cuda::patchify(ctx, x, y); });
    return y;
}

Tensor unpatchify(Context& ctx, const Tensor& x, const Grid& grid) {
    require(x.rank() == 2 && x.dim(0) == grid.tokens() && x.dim(1) % 4 == 0, "unpatchify: x ", x.shape(), " for grid ",
            grid);
    Tensor y = empty(ctx, {x.dim(1) / 4, grid.t, grid.h * 2, grid.w * 2});
    dispatch(
        ctx, moved(x, y), [&] { cpu::unpatchify(ctx, x, y); }, [&] { cuda::unpatchify(ctx, x, y); });
    return y;
}

Tensor unpatchify_backward(Context& ctx, const Tensor& dy) {
    require(dy.rank() == 4 && dy.dim(2) % 2 == 0 && dy.dim(3) % 2 == 0 && dy.dtype() == DType::f32,
            "unpatchify_backward: dy ", dy.shape(), " of ", dy.dtype());
    Tensor dx = empty(ctx, {dy.dim(1) * (dy.dim(2) / 2) * (dy.dim(3) / 2), dy.dim(0) * 4}, ctx.compute_type());
    dispatch(
        ctx, moved(dy, dx), [&] { cpu::unpatchify_backward(ctx, dy, dx); },
        [&] { cuda::unpatchify_backward(ctx, dy, dx); });
    return dx;
}

Tensor take_rows(Context& ctx, const Rows& x, DType dtype) {
    require_rows("take_rows", x);
    Tensor y = empty(ctx, {x.count(), x.data.dim(1)}, dtype);
    const double bytes = static_cast<double>(y.numel()) * static_cast<double>(size_of(x.data.dtype()));
    dispatch(
        ctx, {.bytes = bytes + static_cast<double>(y.bytes())}, [&] { cpu::take_rows(ctx, x, y); },
        [&] { cuda::take_rows(ctx, x, y); });
    return y;
}

}  // namespace t3video::ops
