// DPM-Solver++ (multistep), from the latest predictions of the clean sample.
#pragma once

#include "sampling/sampler.h"

namespace t3video::sampling {

struct DpmppOptions {
    int order = 2;      // 1 to 3
    bool heun = false;  // the variant of order 2 with Heun's weights instead of the midpoint's
    // Whether the last step but one of a run of fewer than 15 is of order 2 at most. The last one is always of order 1.
    bool lower_order_final = true;
};

// history: {the clean samples predicted at the previous steps}, order - 1 of these at most. The first steps are of the
// order that their number allows.
Tensor dpmpp(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer = {}, const DpmppOptions& options = {});

}  // namespace t3video::sampling
