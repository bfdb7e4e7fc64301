// Which latents a small decoder takes.
#pragma once

#include <filesystem>

namespace t3video::models {

// Those that a transformer makes, or those that the VAE's encoder does, which are value * deviation + mean of the
// former. Nothing in a file tells which.
enum class LatentScale { normalised, raw };

// What the file's name says: those named lighttae... take raw latents.
LatentScale latent_scale_of(const std::filesystem::path& file);

}  // namespace t3video::models
