// Whether a network's config.json says the same as its weights, and no more than this program computes.
#pragma once

#include <filesystem>

#include "models/umt5/model.h"
#include "models/wan_dit/config.h"
#include "models/wan_vae/config.h"

namespace t3video::film {

// Each throws InvalidRequest naming the file and the key of a size that differs from that of the weights, or of a
// setting that is not followed. A config.json speaks for the weights that it lies beside, where it is of their kind;
// one of another width is that of the model in whose folder a transformer was replaced, and is passed over, as are keys
// that change nothing.
void check_dit_config(const std::filesystem::path& config, const std::filesystem::path& weights,
                      const models::DitConfig& sizes);
// The config.json is looked for beside the weights.
void check_encoder_config(const std::filesystem::path& weights, const models::Umt5Config& sizes);
void check_vae_config(const std::filesystem::path& weights, const models::VaeConfig& sizes);

}  // namespace t3video::film
