// The networks of a text-to-video model, opened and checked against each other.
#pragma once

#include <vector>

#include "models/umt5/model.h"
#include "models/wan_vae/wan_vae.h"
#include "pipeline/experts.h"
#include "pipeline/model_files.h"
#include "pipeline/settings.h"

namespace t3video::pipeline {

// Opening maps the files and checks every tensor; weights are read when first used.
struct Models {
    std::vector<Expert> experts;  // at least one; their sizes are alike
    models::WanVae vae;
    models::Umt5 text_encoder;

    // The first expert, for what all of them share.
    const models::WanDit& dit() const { return experts.front().dit; }
    ModelTraits traits() const;
};

// Throws InvalidRequest for parts that do not fit together: latent channels or text widths that differ.
Models load_models(const ModelFiles& files);

// What the defaults depend on, from the VAE's sizes.
ModelTraits traits_of(const models::VaeConfig& vae);

}  // namespace t3video::pipeline
