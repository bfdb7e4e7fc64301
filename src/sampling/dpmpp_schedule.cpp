// Official Wan's schedule for DPM-Solver++: the whole range from pure noise down to 0.
#include "sampling/schedule_parts.h"

namespace t3video::sampling {

// s_i = 1 - i/n, sigma_i = shifted(s_i)
Schedule dpmpp_schedule(const ScheduleOptions& options) {
    check_options(options);
    check_full_strength(options, "dpm++");
    std::vector<double> sigmas = descend(1.0, -1.0 / static_cast<double>(options.steps), options.steps);
    for (double& s : sigmas) s = shifted(s, options.shift);
    return make_schedule(std::move(sigmas), TimestepRule::truncated, options);
}

}  // namespace t3video::sampling
