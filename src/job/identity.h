// Which film a job is of: everything that its embeddings and latents depend on, by content.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "film/film.h"

namespace t3video::job {

// The contents of a model's files, whatever these are called: sampled_hash() of each, of an index those of all files
// that it names. Made once for an open model. Throws InvalidRequest for files that cannot be read.
struct ModelContents {
    nlohmann::json dit, text_encoder, tokenizer, vae;
    nlohmann::json loras;  // [{"file": ..., "weight": ...}]; null without
    int64_t heads = 0;     // of the transformer, which its file need not tell
};
ModelContents contents_of(const film::ModelFiles& files, int64_t heads);

// As an object of these members: prompt, negative_prompt, width, height, frames, steps, cfg, shift, solver, seed, dtype
// (of computing), windows, dit, heads, text_encoder, tokenizer, and where they are not the default noise,
// bf16_timesteps, loras, input, guidance_interval, cache, cache_table (a hash of what the cache knows of the model).
// The solver's schedule follows from its name, steps and shift.
nlohmann::json film_identity(const film::Request& request, const film::Film& film, const film::Input& input,
                             const ModelContents& model, DType compute_type);

// Whether both are the same film: all members above agree. Others are ignored, so that a job to which another version
// adds what it likes stays of the same film.
bool is_same_film(const nlohmann::json& a, const nlohmann::json& b);

// 16 hexadecimal digits that two objects of the same film share.
std::string film_id(const nlohmann::json& identity);

// A prompt from the command line need not be UTF-8; the tokenizer replaces the same bytes.
nlohmann::json as_utf8(const nlohmann::json& value);

// A file name for a film, without its ending: the prompt's words in lower case, as far as they fit, and the seed, as in
// "a-red-ball-drifts-left-7".
std::string film_name(const std::string& prompt, uint64_t seed);

}  // namespace t3video::job
