// Euler's method: x += v*(sigma_next - sigma).
#pragma once

#include "sampling/sampler.h"

namespace t3video::sampling {

// history: always empty.
Tensor euler(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer = {});

}  // namespace t3video::sampling
