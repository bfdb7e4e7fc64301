// Euler's method.
#include "sampling/euler.h"

#include "core/error.h"
#include "ops/elementwise.h"

namespace t3video::sampling {

Tensor euler(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer) {
    require(start.history.empty(), "euler: ", start.history.size(), " tensors of history, expected none");
    const auto step = [&](SampleState& state, const Tensor& velocity) {
        const auto i = static_cast<size_t>(state.step);
        const double width = schedule.sigmas[i + 1] - schedule.sigmas[i];
        state.x = ops::axpby(ctx, 1.0f, state.x, static_cast<float>(width), velocity);
    };
    return run_steps(denoiser, std::move(start), schedule, step, observer);
}

}  // namespace t3video::sampling
