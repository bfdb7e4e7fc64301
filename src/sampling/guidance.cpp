// Classifier-free guidance.
#include "sampling/guidance.h"

#include <cmath>

#include "core/error.h"
#include "ops/elementwise.h"

namespace t3video::sampling {

Denoiser guided(Context& ctx, Denoiser positive, Denoiser negative, double scale) {
    require_valid(std::isfinite(scale) && scale >= 0.0, "cfg: found ", scale, ", expected a number of at least 0");
    require(positive != nullptr, "guided: the positive pass is empty");
    if (scale == 1.0) return positive;
    require(negative != nullptr, "guided: the negative pass is empty");
    return [&ctx, positive = std::move(positive), negative = std::move(negative), scale](const Tensor& x,
                                                                                         double timestep) {
        const Tensor with_prompt = positive(x, timestep);
        const Tensor without = negative(x, timestep);
        const Tensor difference = ops::axpby(ctx, 1.0f, with_prompt, -1.0f, without);
        return ops::axpby(ctx, 1.0f, without, static_cast<float>(scale), difference);
    };
}

}  // namespace t3video::sampling
