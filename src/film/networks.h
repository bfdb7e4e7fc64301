// The networks of a text-to-video model, opened and checked against each other.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "film/model_files.h"
#include "film/settings.h"
#include "models/small_vae/small_vae.h"
#include "models/umt5/model.h"
#include "models/wan_dit/model.h"
#include "models/wan_vae/wan_vae.h"

namespace t3video::film {

// A transformer, and the noise levels that are its own where several share a film.
struct Expert {
    models::WanDit dit;
    double from = 0, to = 1;  // sigma, both included
};

// The number of the expert for a noise level; of two that meet there, the one above. Throws Error where there is none.
size_t expert_for(std::span<const Expert> experts, double sigma);

// Opening maps the files and checks every tensor; weights are read when first used.
struct Networks {
    std::vector<Expert> experts;  // at least one; their sizes are alike
    models::WanVae vae;           // where its file is missing, sizes alone: a small decoder stands in
    models::Umt5 text_encoder;
    checkpoint::Notes notes = {};                  // what the user should know of the files
    std::optional<models::SmallVae> decoder = {};  // which decodes in place of the VAE

    // The first expert, for what all of them share.
    const models::WanDit& dit() const { return experts.front().dit; }
    ModelTraits traits() const;
};

// Throws InvalidRequest for parts that do not fit together: latent channels or text widths that differ, or a
// config.json that film/config_checks.h refuses.
Networks load_networks(const ModelFiles& files);

// The small decoder of these files; a note says which latents it takes.
models::SmallVae load_decoder(const ModelFiles& files, checkpoint::Notes& notes);
// The same in place of the networks' VAE. Throws InvalidRequest where it is of other latents.
void add_decoder(const ModelFiles& files, Networks& networks);
// The VAE that its latents are of: sizes alone.
models::WanVae vae_of_decoder(const ModelFiles& files, const models::SmallVae& decoder);

// What the defaults depend on, from the VAE's sizes.
ModelTraits traits_of(const models::VaeConfig& vae);

}  // namespace t3video::film
