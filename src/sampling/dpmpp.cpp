// DPM-Solver++ (Lu et al., 2022), for flow matching: alpha = 1 - sigma.
#include "sampling/dpmpp.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "sampling/combine.h"

namespace t3video::sampling {
namespace {

int order_of_step(const Schedule& schedule, const SampleState& state, const DpmppOptions& options) {
    constexpr int64_t kShort = 15;  // steps; as in the reference
    const auto known = static_cast<int>(state.history.size()) + 1;
    const int64_t left = schedule.steps() - state.step;
    if (left == 1) return 1;
    const bool lower = left == 2 && options.lower_order_final && schedule.steps() < kShort;
    return std::min({options.order, known, lower ? 2 : options.order});
}

// What a step at index i knows: lambda = ln((1 - sigma)/sigma), h = lambda_next - lambda, E = e^-h - 1.
struct Step {
    Step(const Schedule& schedule, size_t i)
        : ratio(schedule.sigmas[i + 1] / schedule.sigmas[i]),
          alpha(1.0 - schedule.sigmas[i + 1]),
          h(lambda(schedule.sigmas[i + 1]) - lambda(schedule.sigmas[i])),
          e(std::expm1(-h)) {}
    double ratio, alpha, h, e;
};

// h over the width of the step that is `back` steps before; 0 after pure noise (sigma 1), where that is infinite.
double inverse_width(const Schedule& schedule, size_t i, size_t back, double h) {
    return h / (lambda(schedule.sigmas[i - back]) - lambda(schedule.sigmas[i - back - 1]));
}

// x_next = ratio x - alpha E m + c1 D, D = (m - m1)/r0, r0 = h0/h; c1 = -alpha E/2, or alpha (E/h + 1) by Heun.
Tensor second_order(Context& ctx, const Schedule& schedule, const SampleState& state, const Tensor& m, bool heun) {
    const auto i = static_cast<size_t>(state.step);
    const Step s(schedule, i);
    const double weight = -s.alpha * s.e, c1 = heun ? s.alpha * (s.e / s.h + 1) : 0.5 * weight;
    const double difference = c1 * inverse_width(schedule, i, 0, s.h);
    return combine(ctx, {{s.ratio, state.x}, {weight + difference, m}, {-difference, state.history[0]}});
}

// x_next = ratio x - alpha E m + c1 D1 + c2 D2, c1 = alpha (E/h + 1), c2 = -alpha ((E + h)/h^2 - 1/2), with the
// differences a = (m - m1)/r0, b = (m1 - m2)/r1: D1 = a + r0/(r0 + r1) (a - b), D2 = (a - b)/(r0 + r1).
Tensor third_order(Context& ctx, const Schedule& schedule, const SampleState& state, const Tensor& m) {
    const auto i = static_cast<size_t>(state.step);
    const Step s(schedule, i);
    const double c1 = s.alpha * (s.e / s.h + 1), c2 = -s.alpha * ((s.e + s.h) / (s.h * s.h) - 0.5);
    const double inverse0 = inverse_width(schedule, i, 0, s.h), inverse1 = inverse_width(schedule, i, 1, s.h);
    const double r0 = 1 / inverse0, both = r0 + 1 / inverse1;
    const double of_ab = (c1 * r0 + c2) / both;
    const double first = (c1 + of_ab) * inverse0, second = -of_ab * inverse1;
    return combine(ctx, {{s.ratio, state.x},
                         {-s.alpha * s.e + first, m},
                         {second - first, state.history[0]},
                         {-second, state.history[1]}});
}

Tensor advance(Context& ctx, const Schedule& schedule, const SampleState& state, const Tensor& m,
               const DpmppOptions& options) {
    const int order = order_of_step(schedule, state, options);
    if (order == 3) return third_order(ctx, schedule, state, m);
    if (order == 2) return second_order(ctx, schedule, state, m, options.heun);
    const Step s(schedule, static_cast<size_t>(state.step));
    return combine(ctx, {{s.ratio, state.x}, {-s.alpha * s.e, m}});
}

}  // namespace

Tensor dpmpp(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer, const DpmppOptions& options) {
    require(options.order >= 1 && options.order <= 3, "dpm++: order ", options.order);
    const auto most = static_cast<size_t>(options.order - 1);
    const size_t size = start.history.size();
    require(size <= most && static_cast<int64_t>(size) <= start.step, "dpm++: ", size, " tensors of history at step ",
            start.step);
    const auto step = [&](SampleState& state, const Tensor& velocity) {
        const Tensor m = predict_clean(ctx, state.x, schedule.sigmas[static_cast<size_t>(state.step)], velocity);
        state.x = advance(ctx, schedule, state, m, options);
        state.history.insert(state.history.begin(), m);
        state.history.resize(std::min(state.history.size(), most));
    };
    return run_steps(denoiser, std::move(start), schedule, step, observer);
}

}  // namespace t3video::sampling
