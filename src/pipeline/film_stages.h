// The stages of a film, each left in its job: what is there is taken, what is made is saved.
#pragma once

#include "core/progress.h"
#include "pipeline/film.h"
#include "pipeline/film_record.h"
#include "pipeline/inputs.h"
#include "pipeline/job.h"
#include "pipeline/outputs.h"
#include "pipeline/plan.h"
#include "pipeline/request.h"
#include "text/tokenizer.h"

namespace t3video::pipeline {

// A film that is being made.
struct FilmRun {
    Context& ctx;
    const Request& request;
    const ModelFiles& files;
    const Models& models;
    const Film& film;
    const Plan& plan;
    Job& job;
    SavedStages& saved;  // of the job, as far as they belong to this film
    FilmOrigin origin;
    SideFiles side;
    Progress& progress;
};

// -> embeddings in host memory. Throws Interrupted, as all stages do, where the user asked to stop.
Embeddings text_stage(FilmRun& run, const text::Tokenizer& tokenizer);

// -> the latent of the film's input, in host memory; undefined where denoising needs none.
Tensor encode_stage(FilmRun& run, const Input& input);

// -> the final latents, in host memory: a block left on the device would part the room that decoding needs in one.
Tensor denoise_stage(FilmRun& run, const Embeddings& embeddings, const Tensor& input);

// What a film's file depends on beside its latents, as text.
std::string form_of(const Request& request, const Settings& settings, const std::filesystem::path& vae);

// What a decode takes from the film: all but its latents.
struct DecodeRun {
    Context& ctx;
    const Request& request;
    const Settings& settings;  // width, height, frames, fps
    const models::WanVae& vae;
    int64_t band_rows;
    Job& job;
    const FilmOrigin& origin;
    const SideFiles& side;
    std::string form;
    Progress& progress;
};

// Writes the film and its contact sheet. Throws WriteError where the film cannot be written.
void decode_stage(const DecodeRun& run, const Tensor& latent);

}  // namespace t3video::pipeline
