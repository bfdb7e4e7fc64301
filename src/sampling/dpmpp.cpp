// DPM-Solver++ (Lu et al., 2022), for flow matching: alpha = 1 - sigma.
#include "sampling/dpmpp.h"

#include <cmath>

#include "core/error.h"
#include "sampling/combine.h"

namespace t3video::sampling {
namespace {

// x_next = (sigma_next/sigma) x - alpha_next (e^-h - 1) (m + D/2), h = lambda_next - lambda.
// D = (h/h0) (m - m_prev), h0 = lambda - lambda_prev; absent at order 1.
Tensor advance(Context& ctx, const Schedule& schedule, const SampleState& state, const Tensor& m) {
    const auto i = static_cast<size_t>(state.step);
    const double sigma = schedule.sigmas[i];
    const double next = schedule.sigmas[i + 1];
    const double h = lambda(next) - lambda(sigma);
    const double weight = -(1.0 - next) * std::expm1(-h);
    const bool last = state.step + 1 == schedule.steps();
    if (state.history.empty() || last) return combine(ctx, {{next / sigma, state.x}, {weight, m}});

    // After a step from pure noise (sigma 1) h0 is infinite, so the ratio and D are 0.
    const double ratio = h / (lambda(sigma) - lambda(schedule.sigmas[i - 1]));
    return combine(
        ctx, {{next / sigma, state.x}, {weight * (1.0 + 0.5 * ratio), m}, {weight * -0.5 * ratio, state.history[0]}});
}

}  // namespace

Tensor dpmpp(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer) {
    require(start.history.size() <= (start.step > 0 ? 1u : 0u), "dpm++: ", start.history.size(),
            " tensors of history at step ", start.step);
    const auto step = [&](SampleState& state, const Tensor& velocity) {
        const Tensor m = predict_clean(ctx, state.x, schedule.sigmas[static_cast<size_t>(state.step)], velocity);
        state.x = advance(ctx, schedule, state, m);
        state.history = {m};
    };
    return run_steps(denoiser, std::move(start), schedule, step, observer);
}

}  // namespace t3video::sampling
