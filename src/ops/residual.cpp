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
Tensor norms(Context& ctx, const char* op, const Rows& x, const Residual& residual, const TokenSets& sets) {
    require_residual(op, x, residual, sets);
    require(x.data.dtype() == DType::f32, op, ": x of ", x.data.dtype());
    return empty(ctx, residual.h.shape(), ctx.compute_type());
}

Work work(const Tensor& h, const Tensor& y) {
    const double rows_of_x = static_cast<double>(h.numel()) * sizeof(float);
    return {.bytes = 2 * rows_of_x + static_cast<double>(h.bytes() + y.bytes())};
}

}  // namespace

Tensor add_norm_modulate(Context& ctx, Rows& x, const Residual& residual, const Tensor& scale, const Tensor& shift,
                         const TokenSets& sets, float eps) {
    Tensor y = norms(ctx, "add_norm_modulate", x, residual, sets);
    require_sets("add_norm_modulate", scale, x, sets);
    require(shift.shape() == scale.shape(), "add_norm_modulate: scale ", scale.shape(), ", shift ", shift.shape());
    const auto on_cpu = [&] {
        cpu::add_residual(ctx, x, residual, sets);
        cpu::norm_modulate(ctx, x, scale, shift, sets, eps, y);
    };
    dispatch(ctx, work(residual.h, y), on_cpu,
             [&] { cuda::add_norm_modulate(ctx, x, residual, scale, shift, sets, eps, y); });
    return y;
}

Tensor add_layer_norm(Context& ctx, Rows& x, const Residual& residual, const Tensor& weight, const Tensor& bias,
                      const TokenSets& sets, float eps) {
    Tensor y = norms(ctx, "add_layer_norm", x, residual, sets);
    require(weight.numel() == y.dim(1) && bias.numel() == y.dim(1), "add_layer_norm: weight ", weight.shape(),
            ", bias ", bias.shape(), " for rows of ", y.dim(1));
    const auto on_cpu = [&] {
        cpu::add_residual(ctx, x, residual, sets);
        cpu::layer_norm(ctx, x, weight, bias, eps, y);
    };
    dispatch(ctx, work(residual.h, y), on_cpu,
             [&] { cuda::add_layer_norm(ctx, x, residual, weight, bias, sets, eps, y); });
    return y;
}

}  // namespace t3video::ops
