// Losses: shapes and dispatch.
#include "ops/loss.h"

#include "cpu/loss.h"
#include "cuda/column_sums.h"
#include "cuda/loss.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Loss squared_error(Context& ctx, const Tensor& prediction, const Tensor& target, int64_t first_frame, float factor) {
    const auto alone = [](const Tensor& x) {
        require(x.rank() == 4, "squared_error: ", x.shape(), ", expected [channels, frames, rows, columns]");
        return x.reshape({1, x.dim(0), x.dim(1), x.dim(2), x.dim(3)});
    };
    const LossOptions options{first_frame, factor};
    const Losses losses = squared_errors(ctx, alone(prediction), alone(target), {&options, 1});
    return {losses.values[0], losses.gradient.reshape(prediction.shape())};
}

Losses squared_errors(Context& ctx, const Tensor& prediction, const Tensor& target,
                      std::span<const LossOptions> options) {
    require(prediction.rank() == 5 && prediction.shape() == target.shape() && prediction.dtype() == DType::f32 &&
                target.dtype() == DType::f32 && prediction.dim(0) == static_cast<int64_t>(options.size()),
            "squared_error: prediction ", prediction.shape(), " of ", prediction.dtype(), ", target ", target.shape(),
            " of ", target.dtype(), ", ", options.size(), " samples");
    const int64_t frames = prediction.dim(2);
    std::vector<double> counts;
    std::vector<ErrorSlope> slopes;
    for (const auto& [first_frame, factor] : options) {
        require(first_frame >= 0 && first_frame < frames, "squared_error: frames from ", first_frame, " on of ",
                frames);
        counts.push_back(double(prediction.numel()) / double(options.size()) / double(frames) *
                         double(frames - first_frame));
        slopes.push_back({first_frame, static_cast<float>(2.0 * factor / counts.back())});
    }
    Losses losses{std::vector<double>(options.size()), empty_like(ctx, prediction)};
    const auto run = [&](const auto& sums_of) {
        losses.values = sums_of(ctx, prediction, target, slopes, losses.gradient);
        for (size_t i = 0; i < counts.size(); ++i) losses.values[i] /= counts[i];
    };
    dispatch(
        ctx, moved(prediction, target, losses.gradient), [&] { run(cpu::squared_errors); },
        [&] { run(cuda::squared_errors); },
        ctx.target() == Device::cpu ? Scratch{} : cuda::sum_scratch(ctx.traits(), options.size()));
    return losses;
}

}  // namespace t3video::ops
