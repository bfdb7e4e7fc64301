// Noise levels of a sampling run, and the time the network is told at each. A sample at level sigma is
// (1 - sigma)*x0 + sigma*noise: sigma 1 is pure noise, 0 is clean.
#pragma once

#include <cstdint>
#include <vector>

namespace t3video::sampling {

struct Schedule {
    // steps() + 1 entries, strictly decreasing, the last one 0. Each is a float32 value, as in the reference
    // implementations: close to 1 the rounding shows in ln(1 - sigma). Only rcm_schedule's are in double precision.
    std::vector<double> sigmas;
    std::vector<double> timesteps;  // steps() entries, 0 .. 1000; float32 values

    int64_t steps() const { return static_cast<int64_t>(timesteps.size()); }
};

struct ScheduleOptions {
    int64_t steps = 50;
    double shift = 5.0;     // > 1 spends more of the steps at high noise
    double strength = 1.0;  // in (0, 1]: share of the noise range to run through; below 1 the start is not pure noise
};

// Each schedule throws InvalidRequest for steps outside 1 .. 100000, a shift that is not positive and finite, a
// strength not in (0, 1], and for a combination that puts two steps at the same noise level. Only flow_match_schedule
// takes a strength below 1.

// DiffSynth's flow matching, as T3 uses it; for the Euler solver. t = 1000*sigma.
Schedule flow_match_schedule(const ScheduleOptions& options);
// Official Wan's for its UniPC solver: starts just below pure noise. t = 1000*sigma cut to an integer.
Schedule unipc_schedule(const ScheduleOptions& options);
// Official Wan's for its DPM-Solver++: starts at pure noise. t = 1000*sigma cut to an integer.
Schedule dpmpp_schedule(const ScheduleOptions& options);
// Rounds the timesteps to bf16, as T3's pipeline does before the network sees them; the noise levels stay.
void round_timesteps(Schedule& schedule);

}  // namespace t3video::sampling
