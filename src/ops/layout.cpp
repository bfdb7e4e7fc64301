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

namespace {

// The latents of samples, [B, C, T, H, W] of one or more; those of one are [C, T, H, W].
int64_t samples_of(const char* op, const Tensor& x) {
    const int rank = x.rank();
    require((rank == 4 || rank == 5) && x.dim(-2) % 2 == 0 && x.dim(-1) % 2 == 0 && x.dtype() == DType::f32, op,
            ": latent ", x.shape(), " of ", x.dtype(),
            " needs [channels, frames, rows, columns] f32 with even rows and columns");
    return rank == 5 ? x.dim(0) : 1;
}

// f(latent, rows) of each sample.
template <class Latents, class Matrix, class F>
void for_samples(Latents& latents, Matrix& rows, int64_t samples, F&& f) {
    if (samples == 1 && latents.rank() == 4) return f(latents, rows);
    const Shape latent(latents.shape().dims().subspan(1));
    const int64_t each = rows.dim(0) / samples;
    for (int64_t i = 0; i < samples; ++i) {
        Tensor of_latents = latents.slice(i, i + 1).reshape(latent), of_rows = rows.slice(i * each, (i + 1) * each);
        f(of_latents, of_rows);
    }
}

}  // namespace

Tensor patchify(Context& ctx, const Tensor& x) {
    const int64_t samples = samples_of("patchify", x), channels = x.dim(-4);
    Tensor y = empty(ctx, {x.numel() / (4 * channels), 4 * channels}, ctx.compute_type());
    const auto each = [&](auto&& of_one) { for_samples(x, y, samples, of_one); };
    dispatch(
        ctx, moved(x, y), [&] { each([&](const Tensor& from, Tensor& to) { cpu::patchify(ctx, from, to); }); },
        [&] { each([&](const Tensor& from, Tensor& to) { cuda::patchify(ctx, from, to); }); });
    return y;
}

Tensor unpatchify(Context& ctx, const Tensor& x, const Grid& grid) {
    require(x.rank() == 2 && x.dim(0) == grid.tokens(), "unpatchify: x ", x.shape(), " for grid ", grid);
    const Tensor y = unpatchify_samples(ctx, x, grid);
    return y.reshape(Shape(y.shape().dims().subspan(1)));
}

Tensor unpatchify_samples(Context& ctx, const Tensor& x, const Grid& grid) {
    require(x.rank() == 2 && grid.tokens() > 0 && x.dim(0) % grid.tokens() == 0 && x.dim(1) % 4 == 0, "unpatchify: x ",
            x.shape(), " for grid ", grid);
    const int64_t samples = x.dim(0) / grid.tokens();
    Tensor y = empty(ctx, {samples, x.dim(1) / 4, grid.t, grid.h * 2, grid.w * 2});
    const auto each = [&](auto&& of_one) { for_samples(y, x, samples, of_one); };
    dispatch(
        ctx, moved(x, y), [&] { each([&](Tensor& to, const Tensor& from) { cpu::unpatchify(ctx, from, to); }); },
        [&] { each([&](Tensor& to, const Tensor& from) { cuda::unpatchify(ctx, from, to); }); });
    return y;
}

Tensor unpatchify_backward(Context& ctx, const Tensor& dy) {
    const int64_t samples = samples_of("unpatchify_backward", dy), channels = dy.dim(-4);
    Tensor dx = empty(ctx, {dy.numel() / (4 * channels), 4 * channels}, ctx.compute_type());
    const auto each = [&](auto&& of_one) { for_samples(dy, dx, samples, of_one); };
    dispatch(
        ctx, moved(dy, dx),
        [&] { each([&](const Tensor& from, Tensor& to) { cpu::unpatchify_backward(ctx, from, to); }); },
        [&] { each([&](const Tensor& from, Tensor& to) { cuda::unpatchify_backward(ctx, from, to); }); });
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
