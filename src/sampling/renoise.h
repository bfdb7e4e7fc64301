// Re-noising, for students that distribution matching made (CausVid, FastWan, Self-Forcing): each step predicts the
// clean sample and puts fresh noise on it, down to the next level.
#pragma once

#include <vector>

#include "sampling/solver.h"
#include "sampling/solver_settings.h"

namespace t3video::sampling {

// In the terms of the students' own configurations.
struct RenoiseOptions {
    std::vector<int64_t> timesteps = {1000, 757, 522};  // from 1000 down, a step each; 757 and 522 lie on the levels of
                                                        // shift 8 already
    bool warp = false;  // whether the shift moves them; else it only makes the levels of which the nearest is taken
};

// sigma = shifted(t/1000) and the time 1000*sigma where they warp. Else the time is t and sigma the nearest to t/1000
// of shifted(k/1000), k = 1 .. 1000, as the table of a scheduler has them. Throws InvalidRequest for another number of
// steps than the list's, as schedules do, and for a strength below 1.
Schedule renoise_schedule(const ScheduleOptions& options, const RenoiseOptions& renoise = {});

// x_next = (1 - sigma_next) (x - sigma v) + sigma_next noise; the last step has sigma_next 0 and draws nothing.
// history: always empty.
Tensor renoise(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
               const StepObserver& observer, const NoiseDraws& noise);

// Settings: timesteps=1000/757/522, warp=false. Throws InvalidRequest for others.
Solver renoise_solver(const SolverSettings& settings);

// The noise of draw step + 1, checked to be like the sample. Throws Error where there is none.
Tensor fresh_noise(const SampleState& state, const NoiseDraws& noise);

}  // namespace t3video::sampling
