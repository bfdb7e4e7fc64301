// The three networks of a text-to-video model, opened and checked against each other.
#pragma once

#include "models/umt5/model.h"
#include "models/wan_dit/model.h"
#include "models/wan_vae/wan_vae.h"
#include "pipeline/model_files.h"
#include "pipeline/settings.h"

namespace t3video::pipeline {

// Opening maps the files and checks every tensor; weights are read when first used.
struct Models {
    models::WanDit dit;
    models::WanVae vae;
    models::Umt5 text_encoder;

    ModelTraits traits() const;
};

// Throws InvalidRequest for parts that do not fit together: latent channels or text widths that differ.
Models load_models(const ModelFiles& files);

// What the defaults depend on, from the VAE's sizes.
ModelTraits traits_of(const models::VaeConfig& vae);

}  // namespace t3video::pipeline
