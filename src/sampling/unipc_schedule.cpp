// Official Wan's schedule for UniPC: the base range starts one training step below pure noise.
#include "sampling/schedule_parts.h"

namespace t3video::sampling {

// s_i = 0.999 * (1 - i/n), sigma_i = shifted(s_i)
Schedule unipc_schedule(const ScheduleOptions& options) {
    check_options(options);
    check_full_strength(options, "unipc");
    const double start = static_cast<double>(0.999f);  // the reference reads it from a float32 table
    std::vector<double> sigmas = descend(start, -start / static_cast<double>(options.steps), options.steps);
    for (double& s : sigmas) s = shifted(s, options.shift);
    return make_schedule(std::move(sigmas), TimestepRule::truncated, options);
}

}  // namespace t3video::sampling
