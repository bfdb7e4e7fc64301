// What all schedules share: checks, the shift, and the step from noise levels to times.
#include "sampling/schedule.h"

#include <cmath>

#include "core/dtype.h"
#include "core/error.h"
#include "sampling/schedule_parts.h"

namespace t3video::sampling {

double rounded_to_float(double value) {
    return static_cast<double>(static_cast<float>(value));
}

void round_timesteps(Schedule& schedule) {
    for (double& t : schedule.timesteps) t = static_cast<double>(round_to_bf16(static_cast<float>(t)));
}

double shifted(double s, double shift) {
    return shift * s / (1.0 + (shift - 1.0) * s);
}

std::vector<double> descend(double start, double step, int64_t steps) {
    std::vector<double> points(static_cast<size_t>(steps));
    for (size_t i = 0; i < points.size(); ++i) points[i] = static_cast<double>(i) * step + start;
    return points;
}

void check_options(const ScheduleOptions& options) {
    constexpr int64_t kMostSteps = 100'000;  // far beyond any use; keeps a mistyped number from filling the memory
    require_valid(options.steps >= 1 && options.steps <= kMostSteps, "steps: found ", options.steps, ", expected 1 to ",
                  kMostSteps);
    require_valid(std::isfinite(options.shift) && options.shift > 0.0, "shift: found ", options.shift,
                  ", expected a positive number");
    require_valid(options.strength > 0.0 && options.strength <= 1.0, "strength: found ", options.strength,
                  ", expected more than 0 and at most 1");
}

void check_full_strength(const ScheduleOptions& options, const char* name) {
    require_valid(options.strength == 1.0, "strength: found ", options.strength, ", but the ", name,
                  " schedule always starts from noise; use the euler solver for a strength below 1");
}

Schedule make_schedule(std::vector<double> sigmas, TimestepRule rule, const ScheduleOptions& options) {
    Schedule schedule;
    schedule.timesteps.reserve(sigmas.size());
    for (double& sigma : sigmas) {
        // A time is cut before its sigma is rounded to float32: 874.99999... must stay below 875.
        const double t = rule == TimestepRule::truncated ? std::trunc(kTrainTimesteps * sigma)
                                                         : kTrainTimesteps * rounded_to_float(sigma);
        schedule.timesteps.push_back(rounded_to_float(t));
        sigma = rounded_to_float(sigma);
    }
    sigmas.push_back(0.0);
    for (size_t i = 0; i + 1 < sigmas.size(); ++i) {
        require_valid(sigmas[i] > sigmas[i + 1], "shift ", options.shift, " with ", options.steps, " steps: steps ", i,
                      " and ", i + 1, " fall on the same noise level; use a shift closer to 1 or fewer steps");
    }
    schedule.sigmas = std::move(sigmas);
    return schedule;
}

}  // namespace t3video::sampling
