// Normalisations: shapes and dispatch.
#include "ops/norm.h"

#include "cpu/norm.h"
#include "cuda/column_sums.h"
#include "cuda/norm.h"
#include "ops/dispatch.h"
#include "ops/row_checks.h"

namespace t3video::ops {
namespace {

void require_norm_backward(const char* op, const Rows& x, const Tensor& dy, const Rows& dx) {
    require_rows(op, x);
    require_rows(op, dx);
    const Shape shape{x.count(), x.data.dim(1)};
    require(
        dy.shape() == shape && dx.count() == shape[0] && dx.data.dim(1) == shape[1] && dx.data.dtype() == DType::f32,
        op, ": dy ", dy.shape(), ", ", dx.count(), " rows of dx ", dx.data.shape(), " of ", dx.data.dtype(), " for ",
        shape[0], " rows of x ", x.data.shape());
}

Work work_of_backward(const Rows& x, const Tensor& dy) {
    const double elements = static_cast<double>(dy.numel());
    return {.bytes = elements * static_cast<double>(size_of(x.data.dtype()) + size_of(dy.dtype()) + 2 * sizeof(float))};
}

Scratch norm_scratch(const Context& ctx, int64_t rows, int64_t width, int64_t samples = 1) {
    if (ctx.target() == Device::cpu) return {static_cast<size_t>(rows * width) * sizeof(float)};  // the normed rows
    return cuda::norm_backward_scratch(ctx.traits(), rows, width, samples);
}

}  // namespace

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

Tensor norm_modulate(Context& ctx, const Rows& x, const Tensor& scale, const Tensor& shift, const TokenSets& sets,
                     float eps) {
    require_rows("norm_modulate", x);
    require_sets("norm_modulate", scale, x, sets);
    require(shift.shape() == scale.shape(), "norm_modulate: scale ", scale.shape(), ", shift ", shift.shape());
    Tensor y = empty(ctx, {x.count(), x.data.dim(1)}, ctx.compute_type());
    const double elements = static_cast<double>(y.numel());
    dispatch(
        ctx, {.bytes = elements * static_cast<double>(size_of(x.data.dtype()) + size_of(y.dtype()))},
        [&] { cpu::norm_modulate(ctx, x, scale, shift, sets, eps, y); },
        [&] { cuda::norm_modulate(ctx, x, scale, shift, sets, eps, y); });
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

Tensor rms_norm_backward(Context& ctx, const Tensor& x, const Tensor& weight, float eps, const Tensor& dy,
                         Tensor* dweight) {
    require(weight.numel() == x.dim(-1) && dy.shape() == x.shape(), "rms_norm_backward: weight ", weight.shape(),
            ", dy ", dy.shape(), " for x ", x.shape());
    require_gradient("rms_norm_backward", dweight, x.dim(-1));
    Tensor dx = empty_like(ctx, dy);
    dispatch(
        ctx, moved(x, dy, dx), [&] { cpu::rms_norm_backward(ctx, x, weight, eps, dy, dx, dweight); },
        [&] { cuda::rms_norm_backward(ctx, x, weight, eps, dy, dx, dweight); },
        norm_scratch(ctx, x.numel() / x.dim(-1), x.dim(-1)));
    return dx;
}

void layer_norm_backward(Context& ctx, const Rows& x, const Tensor& weight, float eps, const Tensor& dy, Rows& dx,
                         Tensor* dweight, Tensor* dbias) {
    const int64_t width = x.data.dim(1);
    require_norm_backward("layer_norm_backward", x, dy, dx);
    require(weight.numel() == width, "layer_norm_backward: weight ", weight.shape(), " for x ", x.data.shape());
    require_gradient("layer_norm_backward", dweight, width);
    require_gradient("layer_norm_backward", dbias, width);
    const NormBackward norm{x, weight, 0.0f, {}, eps, dy, dx, dweight, dbias};
    dispatch(
        ctx, work_of_backward(x, dy), [&] { cpu::norm_backward(ctx, norm); }, [&] { cuda::norm_backward(ctx, norm); },
        norm_scratch(ctx, x.count(), width));
}

void norm_modulate_backward(Context& ctx, const Rows& x, const Tensor& scale, const TokenSets& sets, float eps,
                            const Tensor& dy, Rows& dx, Tensor* dscale, Tensor* dshift) {
    require_norm_backward("norm_modulate_backward", x, dy, dx);
    require_sets("norm_modulate_backward", scale, x, sets);
    require_gradient("norm_modulate_backward", dscale, scale.numel());
    require_gradient("norm_modulate_backward", dshift, scale.numel());
    const NormBackward norm{x, scale, 1.0f, sets, eps, dy, dx, dscale, dshift};
    dispatch(
        ctx, work_of_backward(x, dy), [&] { cpu::norm_backward(ctx, norm); }, [&] { cuda::norm_backward(ctx, norm); },
        norm_scratch(ctx, x.count(), x.data.dim(1), sets.samples));
}

}  // namespace t3video::ops
