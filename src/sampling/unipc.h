// UniPC, predicting the clean sample: each step first corrects the sample it was given, with what the network said
// there, then predicts the next one. One network call a step.
#pragma once

#include "sampling/sampler.h"

namespace t3video::sampling {

struct UnipcOptions {
    int order = 2;     // 1 to 5
    bool bh1 = false;  // the variant B(h) = h instead of e^h - 1
};

// history, after the first step: {the corrected sample of the previous step, the clean samples predicted there and at
// the steps before}, `order` of these at most. The first steps are of the order that their number allows, the last one
// is of order 1, and those before it of 2, 3 ...
Tensor unipc(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer = {}, const UnipcOptions& options = {});

}  // namespace t3video::sampling
