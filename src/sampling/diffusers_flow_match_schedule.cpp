// Schedule of diffusers' FlowMatchEulerDiscreteScheduler, in which the shift acts twice.
#include <algorithm>

#include "sampling/schedule_parts.h"

namespace t3video::sampling {

// s_i equally spaced from 1 to shifted(1/1000), both included; sigma_i = shifted(s_i)
Schedule diffusers_flow_match_schedule(const ScheduleOptions& options) {
    check_options(options);
    check_full_strength(options, "diffusers flow match");
    const double end = shifted(1.0 / kTrainTimesteps, options.shift);
    const double intervals = static_cast<double>(std::max<int64_t>(options.steps - 1, 1));  // a single step starts at 1
    std::vector<double> sigmas = descend(1.0, (end - 1.0) / intervals, options.steps);
    for (double& s : sigmas) s = shifted(s, options.shift);
    return make_schedule(std::move(sigmas), TimestepRule::exact, options);
}

}  // namespace t3video::sampling
