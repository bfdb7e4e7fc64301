// Schedule of diffusers' UniPCMultistepScheduler with flow sigmas: base range from 1 down to 1/1000.
#include <cmath>

#include "sampling/schedule_parts.h"

namespace t3video::sampling {

// s_i = 1 - (1 - 1/1000)*i/n, sigma_i = shifted(s_i)
Schedule diffusers_unipc_schedule(const ScheduleOptions& options) {
    check_options(options);
    check_full_strength(options, "diffusers UniPC");
    const double step = (1.0 / kTrainTimesteps - 1.0) / static_cast<double>(options.steps);
    std::vector<double> sigmas = descend(1.0, step, options.steps);
    for (double& s : sigmas) s = shifted(s, options.shift);
    constexpr double kBelowNoise = 1e-6;  // keeps ln(1 - sigma_0) finite
    if (std::abs(sigmas[0] - 1.0) < kBelowNoise) sigmas[0] -= kBelowNoise;
    return make_schedule(std::move(sigmas), TimestepRule::truncated, options);
}

}  // namespace t3video::sampling
