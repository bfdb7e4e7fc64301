// The rule of rCM's students (TurboWan): re-noising between angles of TrigFlow, in which the noise has the share
// sin and the clean sample the share cos.
#pragma once

#include "sampling/solver.h"
#include "sampling/solver_settings.h"

namespace t3video::sampling {

struct RcmOptions {
    double sigma_max = 80;  // noise over clean sample at the start; of models from images 200
};

// Angles atan(sigma_max), 1.5, 1.4, 1.0, of which fewer than 4 steps take the first; sigma = sin/(sin + cos), t =
// 1000*sigma. Noise levels are in double precision. The shift has no part. Throws InvalidRequest for more than 4 steps,
// as schedules do, and for a strength below 1.
Schedule rcm_schedule(const ScheduleOptions& options, const RcmOptions& rcm = {});

// x_next = (1 - sigma_next) (x - sigma v) + sigma_next noise in double precision, of which the network sees f32. A run
// starts with sigma_0 * noise: Solver::begin. history: {what x lacks of the sample in double precision}; empty: x is
// all of it. The last step draws nothing.
Tensor rcm(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
           const StepObserver& observer, const NoiseDraws& noise);

// Settings: sigma_max=80. Throws InvalidRequest for others.
Solver rcm_solver(const SolverSettings& settings);

}  // namespace t3video::sampling
