// DPM-Solver++ (2M, midpoint): second order from the two latest predictions of the clean sample.
#pragma once

#include "sampling/sampler.h"

namespace t3video::sampling {

// history: {the clean sample predicted at the previous step}. The first and the last step are of order 1.
Tensor dpmpp(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer = {});

}  // namespace t3video::sampling
