// Residual steps with the norm behind them: shapes and dispatch.
#include "ops/residual.h"

#include "cpu/elementwise.h"
#include "cpu/norm.h"
#include "cuda/residual.h"
#include "ops/dispatch.h"
#include "ops/row_checks.h"

namespace t3video::ops {
namespace {

// Room for the norms of the rows that h belongs to.
Tensor norms(Context& ctx, const char* op, const Rows& x, const Residual& residual) {
    require_residual(op, x, residual);
    require(x.data.dtype() == DType::f32, op, ": x of ", x.data.dtype());
    return empty(ctx, residual.h.shape(), ctx.compute_type());
}

Work work(const Tensor& h, const Tensor& y) {
    const double rows_of_x = static_cast<double>(h.numel()) * sizeof(float);
    return {.bytes = 2 * rows_of_x + static_cast<double>(h.bytes() + y.bytes())};
}

}  // namespace

Tensor add_norm_modulate(Context& ctx, Rows& x, const Residual& residual, const Tensor& scale, const Tensor& shift,
                         int64_t boundary, float eps) {
    Tensor y = norms(ctx, "add_norm_modulate", x, residual);
    require_sets("add_norm_modulate", scale, x.data);
    require(shift.shape() == scale.shape(), "add_norm_modulate: scale ", scale.shape(), ", shift ", shift.shape());
    const auto on_cpu = [&] {
        cpu::add_residual(ctx, x, residual, boundary);
        cpu::norm_modulate(ctx, x, scale, shift, boundary, eps, y);
    };
    dispatch(ctx, work(residual.h, y), on_cpu,
             [&] { cuda::add_norm_modulate(ctx, x, residual, scale, shift, boundary, eps, y); });
    return y;
}

Tensor add_layer_norm(Context& ctx, Rows& x, const Residual& residual, const Tensor& weight, const Tensor& bias,
                      int64_t boundary, float eps) {
    Tensor y = norms(ctx, "add_layer_norm", x, residual);
    require(weight.numel() == y.dim(1) && bias.numel() == y.dim(1), "add_layer_norm: weight ", weight.shape(),
            ", bias ", bias.shape(), " for rows of ", y.dim(1));
    const auto on_cpu = [&] {
        cpu::add_residual(ctx, x, residual, boundary);
        cpu::layer_norm(ctx, x, weight, bias, eps, y);
    };
    dispatch(ctx, work(residual.h, y), on_cpu,
             [&] { cuda::add_layer_norm(ctx, x, residual, weight, bias, boundary, eps, y); });
    return y;
}

}  // namespace t3video::ops
