// Opens a model's networks.
#include "film/networks.h"

#include <utility>

#include "core/error.h"
#include "film/config_checks.h"

namespace t3video::film {

size_t expert_for(std::span<const Expert> experts, double sigma) {
    size_t found = experts.size();
    for (size_t i = 0; i < experts.size(); ++i) {
        const Expert& expert = experts[i];
        const bool higher = found == experts.size() || experts[found].from < expert.from;
        if (expert.from <= sigma && sigma <= expert.to && higher) found = i;
    }
    require(found < experts.size(), "no transformer for noise level ", sigma);
    return found;
}

ModelTraits traits_of(const models::VaeConfig& vae) {
    return {.cell = vae.stride_hw() * 2, .wan22 = vae.version == models::VaeVersion::wan22};  // patches of 2x2 latents
}

ModelTraits Networks::traits() const {
    ModelTraits traits = traits_of(vae.config());
    if (experts.empty()) return traits;
    const models::DitConfig& config = dit().config();
    traits.sizes = {config.dim, config.layers, config.in_channels, std::ssize(experts)};
    return traits;
}

Networks load_networks(const ModelFiles& files) {
    checkpoint::Notes notes;
    Networks n{{{models::WanDit::load(files.need(Part::dit), files.dit_config, files.loras, &notes)}},
               models::WanVae::load(files.need(Part::vae), &notes),
               models::Umt5::load(files.need(Part::text_encoder), &notes)};
    n.notes = std::move(notes);
    const models::DitConfig& dit = n.dit().config();
    check_dit_config(files.dit_config, files.dit, dit);
    check_vae_config(files.vae, n.vae.config());
    check_encoder_config(files.text_encoder, n.text_encoder.config());
    require_valid(!dit.image_branch && dit.in_channels == dit.out_channels, files.dit.string(),
                  ": is an image-to-video transformer (", dit.in_channels, " channels in, ", dit.out_channels,
                  " out); this program reads text-to-video ones and TI2V-5B's");
    require_valid(dit.in_channels == n.vae.config().z, files.dit.string(), " makes latents of ",
                  n.dit().config().in_channels, " channels, but ", files.vae.string(), " decodes ", n.vae.config().z);
    require_valid(n.dit().config().text_dim == n.text_encoder.config().dim, files.dit.string(),
                  " takes text rows of width ", n.dit().config().text_dim, ", but ", files.text_encoder.string(),
                  " makes ", n.text_encoder.config().dim);
    return n;
}

}  // namespace t3video::film
