// Denoising and decoding of a film.
#include "pipeline/stages.h"

#include <optional>
#include <vector>

#include "ops/levels.h"
#include "pipeline/denoise.h"
#include "pipeline/embed.h"
#include "pipeline/frame_joiner.h"

namespace t3video::pipeline {

Tensor denoise_film(Context& ctx, ExpertsInTurn experts, const Film& film, const Embeddings& embeddings,
                    const sampling::Schedule& schedule, sampling::SampleState start, const DenoiseOptions& options) {
    const bool guided = embeddings.negative.defined();
    const auto embed = [&](const models::WanDit& dit) {
        std::vector<models::TextRows> prompts;
        for (const Tensor* rows : {&embeddings.positive, &embeddings.negative}) {
            if (rows->defined()) prompts.push_back({to_device(ctx, *rows), kTextRows - rows->dim(0)});
        }
        return dit.embed_text(ctx, prompts);
    };
    std::vector<models::TextContext> texts;
    std::optional<size_t> reader;  // whose texts they are
    const auto guidance = [&](double sigma) -> Guidance {
        const size_t turn = experts.turn_to(sigma);
        if (reader != turn) {
            texts.clear();
            texts = embed(experts.dit());
            reader = turn;
        }
        return {experts.dit(), &texts[0], guided ? &texts[1] : nullptr, film.settings.cfg, options.together};
    };
    return denoise(ctx, guidance, t3::WindowPlan(ctx, film.attention.layout), solver_of(film.settings), schedule,
                   std::move(start), options.first_frame, options.observer);
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
