// UniPC of order 2 (variant B2, predicting the clean sample): each step first corrects the sample it was given, with
// what the network said there, then predicts the next one. One network call a step.
#pragma once

#include "sampling/sampler.h"

namespace t3video::sampling {

// history, after the first step: {the corrected sample of the previous step, the clean sample predicted there}; after
// later steps also the clean sample predicted one step before. The first and the last step are of order 1.
Tensor unipc(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer = {});

}  // namespace t3video::sampling
