// Prompts to ids, and noise.
#include "session/material.h"

#include "film/prompt_ids.h"
#include "session/denoise.h"

namespace t3video::session {
namespace {

std::vector<int64_t> ids_of(FileModel& model, const std::string& prompt, Observer& observer) {
    film::PromptIds found = film::prompt_ids(model.tokenizer(), model.networks().text_encoder.config(), prompt);
    if (found.all > found.ids.size()) {
        observer.warn(Message("A prompt of ", prompt.size(), " characters has ", found.all,
                              " tokens; the model reads the ", "first ", models::kTextRows,
                              ", what comes after them is cut"));
    }
    return std::move(found.ids);
}

}  // namespace

Material material_of(FileModel& model, const film::Request& request, const film::Film& film, film::Input& input,
                     Observer& observer) {
    Material material{.prompt = ids_of(model, request.prompt, observer)};
    if (film.guided()) material.negative = ids_of(model, film.settings.negative_prompt, observer);
    material.frames = std::move(input.frames);
    material.noise = [request, shape = latent_shape(film, model.networks().vae.config())](Context& ctx, int64_t draw) {
        return make_noise(ctx, shape, request.seed, request.noise, request.multiprocessors, draw);
    };
    material.bf16_timesteps = request.bf16_timesteps;
    material.preview_every = request.preview_every;
    return material;
}

}  // namespace t3video::session
