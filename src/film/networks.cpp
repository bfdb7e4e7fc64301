// Opens a model's networks.
#include "film/networks.h"

#include <utility>

#include "core/error.h"
#include "film/config_checks.h"
#include "film/published.h"

namespace t3video::film {

namespace {

// A decoder's latents are the film's, and become as many pixels.
void require_same_cells(const ModelFiles& files, const Networks& n) {
    const models::SmallVaeConfig& small = n.decoder->config();
    const models::VaeConfig& vae = n.vae.config();
    require_valid(small.z == n.dit().config().in_channels, files.decoder.string(), ": decodes latents of ", small.z,
                  " channels, but the transformer makes ", n.dit().config().in_channels);
    require_valid(small.cell() == vae.stride_hw() && vae.stride_t() == models::SmallVaeConfig::kFrames,
                  files.decoder.string(), ": makes ", small.cell(), "x", small.cell(),
                  " pixels of one, but the model's VAE ", vae.stride_hw(), "x", vae.stride_hw());
}

}  // namespace

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

models::SmallVae load_decoder(const ModelFiles& files, checkpoint::Notes& notes) {
    auto decoder = models::SmallVae::load(files.decoder, files.decoder_latents, &notes);
    const bool raw = files.decoder_latents == models::LatentScale::raw;
    notes.push_back(concat(files.decoder.string(), ": a small decoder, which takes ",
                           raw ? "raw latents, as the VAE makes them" : "normalised latents, as the transformer does"));
    return decoder;
}

models::WanVae vae_of_decoder(const ModelFiles& files, const models::SmallVae& decoder) {
    const models::SmallVaeConfig& small = decoder.config();
    models::VaeConfig config = small.patch == 2 ? wan22_vae() : wan21_vae();
    require_valid(small.z == config.z, files.decoder.string(), ": decodes ", small.z, " channels in cells of ",
                  small.cell(), " pixels; expected 16 in cells of 8 (Wan2.1), or 48 in cells of 16 (Wan2.2)");
    return models::WanVae(config);
}

void add_decoder(const ModelFiles& files, Networks& networks) {
    networks.decoder = load_decoder(files, networks.notes);
    require_same_cells(files, networks);
}

Networks load_networks(const ModelFiles& files) {
    checkpoint::Notes notes;
    std::optional<models::SmallVae> decoder;
    if (!files.decoder.empty()) decoder = load_decoder(files, notes);
    const auto vae = [&] {
        return decoder && files.vae.empty() ? vae_of_decoder(files, *decoder)
                                            : models::WanVae::load(files.need(Part::vae), &notes);
    };
    Networks n{{{models::WanDit::load(files.need(Part::dit), files.dit_config, files.loras, &notes)}},
               vae(),
               models::Umt5::load(files.need(Part::text_encoder), &notes)};
    n.notes = std::move(notes);
    n.decoder = std::move(decoder);
    const models::DitConfig& dit = n.dit().config();
    check_dit_config(files.dit_config, files.dit, dit);
    if (!files.vae.empty()) check_vae_config(files.vae, n.vae.config());
    check_encoder_config(files.text_encoder, n.text_encoder.config());
    require_valid(!dit.image_branch && dit.in_channels == dit.out_channels, files.dit.string(),
                  ": is an image-to-video transformer (", dit.in_channels, " channels in, ", dit.out_channels,
                  " out); this program reads text-to-video ones and TI2V-5B's");
    if (n.decoder) require_same_cells(files, n);
    require_valid(dit.in_channels == n.vae.config().z, files.dit.string(), " makes latents of ",
                  n.dit().config().in_channels, " channels, but ", files.vae.string(), " decodes ", n.vae.config().z);
    require_valid(n.dit().config().text_dim == n.text_encoder.config().dim, files.dit.string(),
                  " takes text rows of width ", n.dit().config().text_dim, ", but ", files.text_encoder.string(),
                  " makes ", n.text_encoder.config().dim);
    return n;
}

}  // namespace t3video::film
