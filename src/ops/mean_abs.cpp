// Means of magnitudes: shapes and dispatch.
#include "ops/mean_abs.h"

#include "cpu/mean_abs.h"
#include "cuda/column_sums.h"
#include "cuda/mean_abs.h"
#include "ops/dispatch.h"

namespace t3video::ops {
namespace {

// `y`: null for zeros.
double mean(Context& ctx, const Tensor& x, const Tensor* y) {
    require(x.dtype() == DType::f32 && x.numel() > 0, "mean_abs: ", x.shape(), " of ", x.dtype(),
            ", expected f32 elements");
    double sum = 0;
    const Work work{.bytes = static_cast<double>(x.bytes()) * (y ? 2 : 1)};
    dispatch(
        ctx, work, [&] { sum = cpu::sum_abs(ctx, x, y); }, [&] { sum = cuda::sum_abs(ctx, x, y); },
        ctx.target() == Device::cpu ? Scratch{} : cuda::sum_scratch(ctx.traits()));
    return sum / static_cast<double>(x.numel());
}

}  // namespace

double mean_abs(Context& ctx, const Tensor& x) {
    return mean(ctx, x, nullptr);
}

double mean_abs_difference(Context& ctx, const Tensor& x, const Tensor& y) {
    require(x.shape() == y.shape() && y.dtype() == DType::f32, "mean_abs_difference: ", x.shape(), " of ", x.dtype(),
            " and ", y.shape(), " of ", y.dtype());
    return mean(ctx, x, &y);
}

}  // namespace t3video::ops
