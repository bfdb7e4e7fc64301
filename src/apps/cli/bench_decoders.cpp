// Decoders with random weights.
#include <fmt/format.h>

#include <array>

#include "apps/cli/bench.h"
#include "core/error.h"
#include "film/published.h"
#include "models/small_vae/small_vae.h"
#include "ops/quantize.h"
#include "ops/random.h"
#include "session/stages.h"

namespace t3video::apps {

std::vector<Measured> bench_vae(Context& ctx, const BenchOptions& o) {
    const BenchModel s = setup_of(o);
    const Tensor latent = ops::random_normal(ctx, {s.vae.z, s.grid.t, s.grid.h * 2, s.grid.w * 2}, DType::f32, 9, 0, 1);
    const auto plan =
        session::plan_decode(film::published_networks(o.model).vae, latent.shape(), plan::machine_of(ctx));
    const models::DecodeOptions options{.band_rows = plan.band_rows};
    const auto vae =
        film::prepared_at_random(ctx, models::WanVae(s.vae), plan.residency, models::WanVae::Half::decoder);
    const auto decode = [&] {
        Tensor first;
        vae.decode(
            ctx, latent,
            [&](const Tensor& frames, int64_t, int64_t) {
                if (!first.defined()) first = clone(ctx, frames.slice(0, 1));
            },
            options);
        return first;
    };
    return {
        measure(ctx, fmt::format("vae decode, {} frames, bands of {}", o.frames, options.band_rows), o.repeat, decode)};
}

// A small decoder, to 8-bit frames where it computes.
std::vector<Measured> bench_decoder(Context& ctx, const BenchOptions& o) {
    const BenchModel s = setup_of(o);
    constexpr std::array<int64_t, 4> kWidths{256, 128, 64, 64};  // of taew2_1 and taew2_2
    const models::SmallVaeConfig released{.z = s.vae.z,
                                          .patch = s.vae.patch(),
                                          .decoder = kWidths,
                                          .grown = {kWidths[0], 2 * kWidths[1], 2 * kWidths[2]}};
    const auto stored =
        o.input.empty() ? film::without_values(models::SmallVae(released)) : models::SmallVae::load(o.input);
    require_valid(stored.config().z == s.vae.z, o.input, ": decodes latents of ", stored.config().z,
                  " channels, but --model ", o.model, " has ", s.vae.z);
    const Tensor latent = ops::random_normal(ctx, {s.vae.z, s.grid.t, s.grid.h * 2, s.grid.w * 2}, DType::f32, 9, 0, 1);
    const auto plan = session::plan_decode(stored, latent.shape(), plan::machine_of(ctx));
    constexpr auto kDecoder = models::WanVae::Half::decoder;
    const auto decoder = o.input.empty() ? film::prepared_at_random(ctx, stored, plan.residency, kDecoder)
                                         : nn::prepared(ctx, stored, plan.residency, kDecoder);
    const auto decode = [&] {
        Tensor first;
        decoder.decode(ctx, latent,
                       [&](const Tensor& frames, int64_t, int64_t) {
                           const Tensor bytes = ops::quantize_u8(ctx, frames);
                           if (!first.defined()) first = clone(ctx, frames.slice(0, 1));
                       },
                       {.band_rows = plan.band_rows});
        return first;
    };
    return {
        measure(ctx, fmt::format("small decoder, {} frames, bands of {}", o.frames, plan.band_rows), o.repeat, decode)};
}

}  // namespace t3video::apps
