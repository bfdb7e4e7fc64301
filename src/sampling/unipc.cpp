// UniPC (Zhao et al., 2023), for flow matching: alpha = 1 - sigma. Index i counts steps; m_i is the clean sample
// predicted at step i from the sample before its correction; E = e^-h - 1.
#include "sampling/unipc.h"

#include <cmath>

#include "core/error.h"
#include "sampling/combine.h"

namespace t3video::sampling {
namespace {

// rho1, rho2 of the second-order corrector: rho1 + rho2 = b1, r*rho1 + rho2 = b2.
struct CorrectorWeights {
    double rho1, rho2;
};

CorrectorWeights corrector_weights(double h, double r) {
    const double e = std::expm1(-h);
    const double g1 = e / -h - 1.0;
    const double b1 = g1 / e;
    const double b2 = 2.0 * (g1 / -h - 0.5) / e;
    const double rho1 = (b2 - b1) / (r - 1.0);
    return {rho1, b1 - rho1};
}

// The sample of step i again, from the corrected sample y of step i-1; h = lambda_i - lambda_(i-1).
// Order 1: (sigma_i/sigma_(i-1)) y - alpha_i E (m_(i-1) + (m_i - m_(i-1))/2)
// Order 2: the same with rho1*(m_(i-2) - m_(i-1))/r + rho2*(m_i - m_(i-1)), r = (lambda_(i-2) - lambda_(i-1))/h.
Tensor correct(Context& ctx, const Schedule& schedule, const SampleState& state, const Tensor& m) {
    const auto i = static_cast<size_t>(state.step);
    const double sigma = schedule.sigmas[i];
    const double previous = schedule.sigmas[i - 1];
    const double h = lambda(sigma) - lambda(previous);
    const double weight = -(1.0 - sigma) * std::expm1(-h);
    const Tensor& y = state.history[0];
    const Tensor& m1 = state.history[1];
    if (state.history.size() == 2) {
        return combine(ctx, {{sigma / previous, y}, {weight * 0.5, m1}, {weight * 0.5, m}});
    }
    const Tensor& m2 = state.history[2];
    const double r = (lambda(schedule.sigmas[i - 2]) - lambda(previous)) / h;
    const auto [rho1, rho2] = corrector_weights(h, r);
    return combine(
        ctx,
        {{sigma / previous, y}, {weight * (1.0 - rho1 / r - rho2), m1}, {weight * rho1 / r, m2}, {weight * rho2, m}});
}

// The sample of step i+1 from x at step i; h = lambda_(i+1) - lambda_i.
// Order 1: (sigma_(i+1)/sigma_i) x - alpha_(i+1) E m_i
// Order 2: the same with m_i + (m_(i-1) - m_i)/(2r), r = (lambda_(i-1) - lambda_i)/h.
Tensor predict(Context& ctx, const Schedule& schedule, const SampleState& state, const Tensor& x, const Tensor& m) {
    const auto i = static_cast<size_t>(state.step);
    const double sigma = schedule.sigmas[i];
    const double next = schedule.sigmas[i + 1];
    const double h = lambda(next) - lambda(sigma);
    const double weight = -(1.0 - next) * std::expm1(-h);
    const bool last = state.step + 1 == schedule.steps();
    if (state.history.empty() || last) return combine(ctx, {{next / sigma, x}, {weight, m}});

    const double r = (lambda(schedule.sigmas[i - 1]) - lambda(sigma)) / h;
    return combine(ctx, {{next / sigma, x}, {weight * (1.0 - 0.5 / r), m}, {weight * 0.5 / r, state.history[1]}});
}

void check_history(const SampleState& start) {
    const size_t size = start.history.size();
    const bool fits = size == 0 || (size == 2 && start.step >= 1) || (size == 3 && start.step >= 2);
    require(fits, "unipc: ", size, " tensors of history at step ", start.step);
}

}  // namespace

Tensor unipc(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer) {
    check_history(start);
    const auto step = [&](SampleState& state, const Tensor& velocity) {
        const Tensor m = predict_clean(ctx, state.x, schedule.sigmas[static_cast<size_t>(state.step)], velocity);
        const Tensor x = state.history.empty() ? state.x : correct(ctx, schedule, state, m);
        state.x = predict(ctx, schedule, state, x, m);
        if (state.history.empty()) {
            state.history = {x, m};
        } else {
            state.history = {x, m, state.history[1]};
        }
    };
    return run_steps(denoiser, std::move(start), schedule, step, observer);
}

}  // namespace t3video::sampling
