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

void check(std::span<const Sample> samples) {
    require(!samples.empty(), "sample: none");
    for (const Sample& s : samples) {
        check(s);
        require(s.latents.shape() == samples[0].latents.shape(), "sample: latents ", s.latents.shape(), " beside ",
                samples[0].latents.shape(), ", expected one shape");
    }
}

namespace {

// f(sample, its part of x) for each; returns x.
template <class F>
Tensor of_each(Context& ctx, std::span<const Sample> samples, F&& f) {
    const Shape& shape = samples[0].latents.shape();
    const auto count = static_cast<int64_t>(samples.size());
    Tensor all = empty(ctx, {count, shape[0], shape[1], shape[2], shape[3]});
    for (int64_t i = 0; i < count; ++i) {
        Tensor x = all.slice(i, i + 1).reshape(shape);
        f(samples[static_cast<size_t>(i)], x);
    }
    return all;
}

}  // namespace

Tensor noisy(Context& ctx, const Sample& s) {
    return noisy(ctx, {&s, 1}).reshape(s.latents.shape());
}

Tensor noisy(Context& ctx, std::span<const Sample> samples) {
    return of_each(ctx, samples, [&](const Sample& s, Tensor& x) {
        ops::axpby_into(ctx, static_cast<float>(1 - s.sigma), s.latents, static_cast<float>(s.sigma), s.noise, x);
        const int64_t frames = x.dim(1);
        for (int64_t c = 0; s.first_frame && c < x.dim(0); ++c) {  // a frame of each channel
            const Shape planes{x.dim(0) * frames, x.dim(2) * x.dim(3)};
            Tensor frame = x.reshape(planes).slice(c * frames, c * frames + 1);
            copy_into(ctx, frame, s.latents.reshape(planes).slice(c * frames, c * frames + 1));
        }
    });
}

Tensor target(Context& ctx, std::span<const Sample> samples) {
    return of_each(ctx, samples,
                   [&](const Sample& s, Tensor& x) { ops::axpby_into(ctx, 1.0f, s.noise, -1.0f, s.latents, x); });
}

}  // namespace t3video::training
