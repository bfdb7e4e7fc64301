// rCM (Zheng et al., 2025: Large Scale Diffusion Distillation via Score-Regularized Continuous-Time Consistency), as
// TurboDiffusion samples it.
#include "sampling/rcm.h"

#include <cmath>

#include "core/error.h"
#include "core/numbers.h"
#include "ops/weighted_sum.h"
#include "sampling/renoise.h"
#include "sampling/schedule_parts.h"

namespace t3video::sampling {
namespace {

constexpr double kAngles[] = {1.5, 1.4, 1.0};  // behind the first, as released students are sampled
constexpr std::string_view kSigmaMax = "sigma_max";

SampleState begin(Context& ctx, const Tensor& noise, const Schedule& schedule) {
    const ops::Split x = ops::weighted_sum(ctx, {{schedule.sigmas.front(), noise}});
    return {.x = x.high, .history = {x.low}};
}

}  // namespace

Schedule rcm_schedule(const ScheduleOptions& options, const RcmOptions& rcm) {
    check_options(options);
    check_full_strength(options, "rcm");
    constexpr auto kMost = static_cast<int64_t>(std::size(kAngles)) + 1;
    require_valid(options.steps <= kMost, "steps: found ", options.steps, ", expected 1 to ", kMost,
                  ": rcm has the angles atan(sigma_max), 1.5, 1.4 and 1.0");
    Schedule schedule;
    for (int64_t i = 0; i < options.steps; ++i) {
        const double angle = i == 0 ? std::atan(rcm.sigma_max) : kAngles[i - 1];
        schedule.sigmas.push_back(std::sin(angle) / (std::sin(angle) + std::cos(angle)));
        schedule.timesteps.push_back(rounded_to_float(kTrainTimesteps * schedule.sigmas.back()));
    }
    schedule.sigmas.push_back(0);
    return schedule;
}

Tensor rcm(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
           const StepObserver& observer, const NoiseDraws& noise) {
    require(start.history.size() <= 1, "rcm: ", start.history.size(), " tensors of history, expected 1");
    const auto step = [&](SampleState& state, const Tensor& velocity) {
        const auto i = static_cast<size_t>(state.step);
        const double sigma = schedule.sigmas[i], next = schedule.sigmas[i + 1], clean = 1 - next;
        std::vector<ops::Term> terms{{clean, state.x}, {-clean * sigma, velocity}};
        if (!state.history.empty()) terms.push_back({clean, state.history[0]});
        const Tensor fresh = next == 0 ? Tensor() : fresh_noise(state, noise);
        if (fresh.defined()) terms.push_back({next, fresh});
        const ops::Split x = ops::weighted_sum(ctx, terms);
        state.x = x.high;
        state.history = {x.low};
    };
    return run_steps(denoiser, std::move(start), schedule, step, observer);
}

Solver rcm_solver(const SolverSettings& settings) {
    RcmOptions options;
    SolverSettings kept;
    for (const auto& [name, value] : settings) {
        require_valid(name == kSigmaMax, "rcm has no setting '", name, "'; it has ", kSigmaMax);
        const double least = std::tan(kAngles[0]);
        const auto number = number_of<double>(value);
        require_valid(number && *number > least && *number <= 1e6, kSigmaMax, " is ", value, ", expected more than ",
                      least, ", the level of the second step, at most 1e6");
        if (*number != options.sigma_max) kept.emplace(name, value);
        options.sigma_max = *number;
    }
    return {solver_name("rcm", kept), rcm, [options](const ScheduleOptions& o) { return rcm_schedule(o, options); },
            StudentSettings{}, begin};
}

}  // namespace t3video::sampling
