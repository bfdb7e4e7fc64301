// DiffSynth's flow matching schedule with the settings of Wan: base range from `strength` down to 0.
#include "sampling/schedule_parts.h"

namespace t3video::sampling {

// s_i = strength * (1 - i/n), sigma_i = shifted(s_i)
Schedule flow_match_schedule(const ScheduleOptions& options) {
    check_options(options);
    const double start = options.strength;
    std::vector<double> sigmas = descend(start, -start / static_cast<double>(options.steps), options.steps);
    for (double& s : sigmas) s = shifted(s, options.shift);
    return make_schedule(std::move(sigmas), TimestepRule::exact, options);
}

}  // namespace t3video::sampling
