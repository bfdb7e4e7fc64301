// Losses: shapes and dispatch.
#include "ops/loss.h"

#include "cpu/loss.h"
#include "cuda/column_sums.h"
#include "cuda/loss.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Loss squared_error(Context& ctx, const Tensor& prediction, const Tensor& target, int64_t first_frame, float factor) {
    require(prediction.rank() == 4 && prediction.shape() == target.shape() && prediction.dtype() == DType::f32 &&
                target.dtype() == DType::f32,
            "squared_error: prediction ", prediction.shape(), " of ", prediction.dtype(), ", target ", target.shape(),
            " of ", target.dtype());
    require(first_frame >= 0 && first_frame < prediction.dim(1), "squared_error: frames from ", first_frame, " on of ",
            prediction.dim(1));
    Loss loss{0, empty_like(ctx, prediction)};
    const double count =
        double(prediction.numel()) / double(prediction.dim(1)) * double(prediction.dim(1) - first_frame);
    const auto slope = static_cast<float>(2.0 * factor / count);
    dispatch(
        ctx, moved(prediction, target, loss.gradient),
        [&] { loss.value = cpu::squared_error(ctx, prediction, target, first_frame, slope, loss.gradient) / count; },
        [&] { loss.value = cuda::squared_error(ctx, prediction, target, first_frame, slope, loss.gradient) / count; },
        ctx.target() == Device::cpu ? Scratch{} : cuda::sum_scratch(ctx.traits()));
    return loss;
}

}  // namespace t3video::ops
