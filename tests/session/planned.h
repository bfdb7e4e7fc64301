// Films of the demo model, planned without being made.
#pragma once

#include <gtest/gtest.h>

#include "checkpoint/tensor_source.h"
#include "session/session.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::session {

inline constexpr size_t kGiB = size_t{1} << 30;

inline plan::Machine cpu(size_t allowed = 64 * kGiB) {
    return {.allowed = allowed, .decode_budget = static_cast<int64_t>(allowed / 2)};
}

inline plan::Machine gpu(size_t allowed) {
    return {.device = {.id = {Device::cuda}},
            .compute_type = DType::bf16,
            .allowed = allowed,
            .taken = kGiB,
            .decode_budget = int64_t{16} << 30};
}

// Where the text is embedded, and so many steps are done.
inline Material done(int64_t steps = 0) {
    Material material;
    material.embeddings.emplace();
    if (steps > 0) material.latents.emplace().step = steps;
    return material;
}

inline film::Film film_of(const film::Networks& networks, const film::SettingChoices& choices) {
    return film::make_film({}, networks.traits(), film::resolve_settings({}, networks.traits(), choices),
                           film::Attention::automatic);
}

struct Planned {
    film::ModelFiles files;
    film::Networks networks;
    film::Film film;

    // From a video at half strength where `source` says so.
    explicit Planned(const film::SettingChoices& choices = {}, film::Source source = film::Source::noise)
        : files(film::find_model(film::demo_model_folder())), networks(film::load_networks(files)) {
        film::Settings settings = film::resolve_settings(files, networks.traits(), choices);
        settings.source = source;
        if (source == film::Source::video) settings.strength = 0.5;
        film = film::make_film(files, networks.traits(), settings, film::Attention::automatic);
    }
    // A LoRA of such a rank on one matrix, [416, 192], in a file in the folder.
    void add_lora(const testing::TemporaryFolder& folder, int64_t rank) {
        Context ctx;
        checkpoint::save_safetensors(
            folder / "lora.safetensors",
            {{"blocks.0.ffn.0.lora_A.weight", testing::randn(ctx, {rank, 192}, 1, DType::bf16)},
             {"blocks.0.ffn.0.lora_B.weight", testing::randn(ctx, {416, rank}, 2, DType::bf16)}});
        files.loras = {{folder / "lora.safetensors", 1}};
        networks = film::load_networks(files);
    }
    plan::Plan plan(const plan::Machine& machine, const Material& material = {}) const {
        return plan_film(networks, film, material, machine);
    }
    film::FilmMaker others() const { return film::other_films(files, networks.traits(), film.settings); }
    // In words; empty where it fits.
    std::string refusal(const plan::Machine& machine) const {
        Observer observer;
        return t3video::session::refusal(plan(machine), networks, film, machine, others(), observer, {}).plain();
    }
    bool fits(int64_t width, int64_t height, int64_t frames, const plan::Machine& machine) const {
        return plan_film(networks, others()(width, height, frames), {}, machine).too_large() == nullptr;
    }
};

}  // namespace t3video::session
