// Re-noising (Yin et al., 2024: From Slow Bidirectional to Fast Autoregressive Video Diffusion Models).
#include "sampling/renoise.h"

#include <cmath>

#include "core/error.h"
#include "core/numbers.h"
#include "sampling/combine.h"
#include "sampling/schedule_parts.h"

namespace t3video::sampling {
namespace {

constexpr std::string_view kTimesteps = "timesteps", kWarp = "warp";

std::string text_of(const std::vector<int64_t>& timesteps) {
    std::string text;
    for (const int64_t t : timesteps) text += concat(text.empty() ? "" : "/", t);
    return text;
}

// The first of the levels of this shift that lies nearest, from above.
double nearest_level(double sigma, double shift) {
    double nearest = 1;
    for (int64_t k = static_cast<int64_t>(kTrainTimesteps) - 1; k > 0; --k) {
        const double level = shifted(static_cast<double>(k) / kTrainTimesteps, shift);
        if (std::abs(level - sigma) >= std::abs(nearest - sigma)) break;
        nearest = level;
    }
    return nearest;
}

std::vector<int64_t> read_timesteps(std::string_view text) {
    std::vector<int64_t> timesteps;
    for (std::string_view rest = text;;) {
        const size_t slash = rest.find('/');
        const auto t = number_of<int64_t>(rest.substr(0, slash));
        const bool falls = t && *t > 0 && (timesteps.empty() ? *t == 1000 : *t < timesteps.back());
        require_valid(falls, kTimesteps, " are ", text, ", expected whole numbers from 1000 down, as in 1000/757/522");
        timesteps.push_back(*t);
        if (slash == std::string_view::npos) return timesteps;
        rest.remove_prefix(slash + 1);
    }
}

bool read_flag(std::string_view name, std::string_view text) {
    require_valid(text == "true" || text == "false", name, " is ", text, ", expected true or false");
    return text == "true";
}

}  // namespace

Schedule renoise_schedule(const ScheduleOptions& options, const RenoiseOptions& renoise) {
    check_options(options);
    check_full_strength(options, "renoise");
    const auto count = static_cast<int64_t>(renoise.timesteps.size());
    require_valid(options.steps == count, "steps: found ", options.steps, ", expected ", count,
                  ", one for each of the times ", text_of(renoise.timesteps),
                  " of renoise; name others in it, as in renoise:timesteps=1000/750/500/250,warp=true");
    std::vector<double> sigmas;
    for (const int64_t t : renoise.timesteps) {
        const double s = static_cast<double>(t) / kTrainTimesteps;
        sigmas.push_back(renoise.warp ? shifted(s, options.shift) : nearest_level(s, options.shift));
    }
    Schedule schedule = make_schedule(std::move(sigmas), TimestepRule::exact, options);
    if (!renoise.warp) schedule.timesteps.assign(renoise.timesteps.begin(), renoise.timesteps.end());
    return schedule;
}

Tensor fresh_noise(const SampleState& state, const NoiseDraws& noise) {
    require(noise != nullptr, "sampling: no noise to draw from");
    Tensor fresh = noise(state.step + 1);
    require(fresh.shape() == state.x.shape() && fresh.dtype() == DType::f32, "sampling: noise ", fresh.shape(), " of ",
            fresh.dtype(), " for a sample ", state.x.shape());
    return fresh;
}

Tensor renoise(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
               const StepObserver& observer, const NoiseDraws& noise) {
    require(start.history.empty(), "renoise: ", start.history.size(), " tensors of history, expected none");
    const auto step = [&](SampleState& state, const Tensor& velocity) {
        const auto i = static_cast<size_t>(state.step);
        const double sigma = schedule.sigmas[i], next = schedule.sigmas[i + 1], clean = 1 - next;
        if (next == 0) {
            state.x = predict_clean(ctx, state.x, sigma, velocity);
        } else {
            state.x = combine(ctx, {{clean, state.x}, {-clean * sigma, velocity}, {next, fresh_noise(state, noise)}});
        }
    };
    return run_steps(denoiser, std::move(start), schedule, step, observer);
}

Solver renoise_solver(const SolverSettings& settings) {
    RenoiseOptions options;
    const RenoiseOptions usual;
    for (const auto& [name, value] : settings) {
        require_valid(name == kTimesteps || name == kWarp, "renoise has no setting '", name, "'; it has ", kTimesteps,
                      " and ", kWarp);
        if (name == kTimesteps) options.timesteps = read_timesteps(value);
        if (name == kWarp) options.warp = read_flag(name, value);
    }
    SolverSettings kept;
    if (options.timesteps != usual.timesteps) kept.emplace(kTimesteps, text_of(options.timesteps));
    if (options.warp != usual.warp) kept.emplace(kWarp, options.warp ? "true" : "false");
    constexpr double kShiftOfWarped = 5, kShiftOfLevels = 8;  // Self-Forcing's; CausVid's and FastWan's
    const StudentSettings students{.steps = static_cast<int64_t>(options.timesteps.size()),
                                   .shift = options.warp ? kShiftOfWarped : kShiftOfLevels};
    return {solver_name("renoise", kept), renoise,
            [options](const ScheduleOptions& o) { return renoise_schedule(o, options); }, students};
}

}  // namespace t3video::sampling
