// Classifier-free guidance.
#pragma once

#include "sampling/sampler.h"

namespace t3video::sampling {

// v_neg + scale*(v_pos - v_neg), with the positive pass first. At scale exactly 1 the result is `positive` itself:
// `negative` is never called and may be empty. `ctx` must outlive the result. Throws InvalidRequest for a scale that is
// negative or not finite.
Denoiser guided(Context& ctx, Denoiser positive, Denoiser negative, double scale);

}  // namespace t3video::sampling
