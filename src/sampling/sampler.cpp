// The sampling loop.
#include "sampling/sampler.h"

#include "core/error.h"

namespace t3video::sampling {
namespace {

void check_state(const SampleState& state, const Schedule& schedule) {
    require(schedule.sigmas.size() == schedule.timesteps.size() + 1, "sampling: ", schedule.sigmas.size(),
            " noise levels for ", schedule.timesteps.size(), " steps");
    require(state.step >= 0 && state.step <= schedule.steps(), "sampling: cannot go on from step ", state.step, " of ",
            schedule.steps());
    require(state.x.defined() && state.x.dtype() == DType::f32, "sampling: the sample must be an f32 tensor");
    for (const Tensor& earlier : state.history) {
        require(earlier.shape() == state.x.shape(), "sampling: history of shape ", earlier.shape(), " for a sample ",
                state.x.shape());
    }
}

}  // namespace

Tensor run_steps(const Denoiser& denoiser, SampleState start, const Schedule& schedule, const SolverStep& step,
                 const StepObserver& observer) {
    check_state(start, schedule);
    SampleState state = std::move(start);
    while (state.step < schedule.steps()) {
        const Tensor velocity = denoiser(state.x, schedule.timesteps[static_cast<size_t>(state.step)]);
        require(velocity.shape() == state.x.shape(), "sampling: velocity ", velocity.shape(), " for a sample ",
                state.x.shape());
        step(state, velocity);
        ++state.step;
        if (observer) observer(state);
    }
    return state.x;
}

}  // namespace t3video::sampling
