// Denoising and decoding of a film.
#include "pipeline/stages.h"

#include "ops/levels.h"
#include "pipeline/denoise.h"
#include "pipeline/embed.h"
#include "pipeline/frame_joiner.h"

namespace t3video::pipeline {

Tensor denoise_film(Context& ctx, const models::WanDit& dit, const Film& film, const Embeddings& embeddings,
                    const sampling::Schedule& schedule, sampling::SampleState start,
                    const sampling::StepObserver& observer, const Tensor& first_frame) {
    const auto context = [&](const Tensor& rows) {
        return dit.embed_text(ctx, to_device(ctx, rows), kTextRows - rows.dim(0));
    };
    const bool guided = embeddings.negative.defined();
    const models::TextContext positive = context(embeddings.positive);
    const models::TextContext negative = guided ? context(embeddings.negative) : models::TextContext();
    return denoise(ctx, dit, t3::WindowPlan(ctx, film.attention.layout),
                   {&positive, guided ? &negative : nullptr, film.settings.cfg}, solver_of(film.settings), schedule,
                   std::move(start), first_frame, observer);
}

void decode_film(Context& ctx, const models::WanVae& vae, const Settings& settings, const Tensor& latent,
                 int64_t band_rows, const FrameSinks& sinks) {
    const int64_t height = latent.dim(2) * vae.config().stride_hw();
    const bool levels = sinks.samples == media::Samples::u8;
    FrameJoiner joiner(height, settings.width, settings.height, ctx.threads(), sinks.frame, sinks.samples);
    int64_t rows = 0;
    vae.decode(ctx, to_device(ctx, latent),
               [&](const Tensor& frames, int64_t first_frame, int64_t first_row) {
                   joiner.add(to_host(ctx, levels ? ops::to_levels(ctx, frames) : frames), first_frame, first_row);
                   rows += frames.dim(0) * frames.dim(1);
                   if (sinks.decoded) sinks.decoded(rows / height);
               },
               {.band_rows = band_rows});
}

}  // namespace t3video::pipeline
