// Normalisations: shapes and dispatch.
#include "ops/norm.h"

#include "cpu/norm.h"
#include "cuda/norm.h"
#include "ops/dispatch.h"
#include "ops/row_checks.h"

namespace t3video::ops {

Tensor rms_norm(Context& ctx, const Tensor& x, const Tensor& weight, float eps) {
    require(x.rank() >= 1 && weight.numel() == x.dim(-1), "rms_norm: weight ", weight.shape(), " for x ", x.shape());
    Tensor y = empty(ctx, x.shape(), ctx.compute_type());
    dispatch(
        ctx, moved(x, y), [&] { cpu::rms_norm(ctx, x, weight, eps, y); },
        [&] { cuda::rms_norm(ctx, x, weight, eps, y); });
    return y;
}

Tensor layer_norm(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, float eps) {
    require(x.rank() >= 1 && weight.numel() == x.dim(-1) && bias.numel() == x.dim(-1), "layer_norm: weight ",
            weight.shape(), ", bias ", bias.shape(), " for x ", x.shape());
    Tensor y = empty(ctx, x.shape(), ctx.compute_type());
    dispatch(
        ctx, moved(x, y), [&] { cpu::layer_norm(ctx, {x}, weight, bias, eps, y); },
        [&] { cuda::layer_norm(ctx, {x}, weight, bias, eps, y); });
    return y;
}

Tensor norm_modulate(Context& ctx, const Rows& x, const Tensor& scale, const Tensor& shift, int64_t boundary,
                     float eps) {
    require_rows("norm_modulate", x);
    require_sets("norm_modulate", scale, x.data);
    require(shift.shape() == scale.shape(), "norm_modulate: scale ", scale.shape(), ", shift ", shift.shape());
    Tensor y = empty(ctx, {x.count(), x.data.dim(1)}, ctx.compute_type());
    const double elements = static_cast<double>(y.numel());
    dispatch(
        ctx, {.bytes = elements * static_cast<double>(size_of(x.data.dtype()) + size_of(y.dtype()))},
        [&] { cpu::norm_modulate(ctx, x, scale, shift, boundary, eps, y); },
        [&] { cuda::norm_modulate(ctx, x, scale, shift, boundary, eps, y); });
    return y;
}

Tensor channel_norm(Context& ctx, const Tensor& x, const Tensor& gamma, bool silu) {
    Tensor y = empty(ctx, x.shape(), ctx.compute_type());
    channel_norm_into(ctx, x, gamma, silu, y);
    return y;
}

void channel_norm_into(Context& ctx, const Tensor& x, const Tensor& gamma, bool silu, Tensor& y) {
    require(x.rank() >= 1 && gamma.numel() == x.dim(-1), "channel_norm: gamma ", gamma.shape(), " for x ", x.shape());
    require(y.shape() == x.shape(), "channel_norm: y ", y.shape(), " for x ", x.shape());
    dispatch(
        ctx, moved(x, y), [&] { cpu::channel_norm(ctx, x, gamma, silu, y); },
        [&] { cuda::channel_norm(ctx, x, gamma, silu, y); });
}

}  // namespace t3video::ops
