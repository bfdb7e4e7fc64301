// Rectified flow: "Flow Straight and Fast" (Liu et al.), with the direction from clip to noise.
#include "training/sample.h"

#include <cmath>

#include "core/error.h"
#include "ops/elementwise.h"

namespace t3video::training {

void check(const Sample& s) {
    require(s.latents.rank() == 4 && s.latents.shape() == s.noise.shape() && s.latents.dtype() == DType::f32 &&
                s.noise.dtype() == DType::f32,
            "sample: latents ", s.latents.shape(), " of ", s.latents.dtype(), ", noise ", s.noise.shape(), " of ",
            s.noise.dtype());
    require(s.sigma >= 0 && s.sigma <= 1 && s.timestep >= 0 && s.timestep <= 1000 && std::isfinite(s.weight),
            "sample: sigma ", s.sigma, ", timestep ", s.timestep, ", weight ", s.weight);
    require(!s.first_frame || s.latents.dim(1) > 1, "sample: a clip of one latent frame, and that one is given");
}

Tensor noisy(Context& ctx, const Sample& s) {
    Tensor x = ops::axpby(ctx, static_cast<float>(1 - s.sigma), s.latents, static_cast<float>(s.sigma), s.noise);
    const int64_t frames = x.dim(1);
    for (int64_t c = 0; s.first_frame && c < x.dim(0); ++c) {  // a frame of each channel
        const Shape planes{x.dim(0) * frames, x.dim(2) * x.dim(3)};
        Tensor frame = x.reshape(planes).slice(c * frames, c * frames + 1);
        copy_into(ctx, frame, s.latents.reshape(planes).slice(c * frames, c * frames + 1));
    }
    return x;
}

Tensor target(Context& ctx, const Sample& s) {
    return ops::axpby(ctx, 1.0f, s.noise, -1.0f, s.latents);
}

}  // namespace t3video::training
