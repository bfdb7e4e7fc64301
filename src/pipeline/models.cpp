// Opens a model's networks.
#include "pipeline/models.h"

#include "core/error.h"

namespace t3video::pipeline {

ModelTraits traits_of(const models::VaeConfig& vae) {
    return {.cell = vae.stride_hw() * 2, .wan22 = vae.version == models::VaeVersion::wan22};  // patches of 2x2 latents
}

ModelTraits Models::traits() const {
    return traits_of(vae.config());
}

Models load_models(const ModelFiles& files) {
    Models m{{{models::WanDit::load(files.need(Part::dit), files.dit_config, files.loras)}},
             models::WanVae::load(files.need(Part::vae)),
             models::Umt5::load(files.need(Part::text_encoder))};
    require_valid(m.dit().config().in_channels == m.vae.config().z, files.dit.string(), " makes latents of ",
                  m.dit().config().in_channels, " channels, but ", files.vae.string(), " decodes ", m.vae.config().z);
    require_valid(m.dit().config().text_dim == m.text_encoder.config().dim, files.dit.string(),
                  " takes text rows of width ", m.dit().config().text_dim, ", but ", files.text_encoder.string(),
                  " makes ", m.text_encoder.config().dim);
    return m;
}

}  // namespace t3video::pipeline
