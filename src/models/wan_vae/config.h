// Sizes of a Wan VAE, read off the shapes of its tensors.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/shape_reader.h"

namespace t3video::models {

// wan21: 16 latent channels, flat stages. wan22: 48 latent channels, 2x2 pixels folded into channels, residual stages.
enum class VaeVersion { wan21, wan22 };

// Residual blocks of one width, then a change of resolution.
struct VaeStage {
    int64_t width = 0, blocks = 0;
    bool resample_space = false, resample_time = false;  // by 2; time only together with space
    int64_t out = 0;                                     // channels after the resampling; `width` without one
};

struct VaeHalf {
    int64_t base = 0;  // channels after the first convolution
    std::vector<VaeStage> stages;

    int64_t space_factor() const;
    int64_t time_factor() const;
    int64_t out() const { return stages.back().out; }
};

struct VaeConfig {
    VaeVersion version = VaeVersion::wan21;
    int64_t z = 0;  // latent channels
    VaeHalf encoder, decoder;

    int64_t patch() const { return version == VaeVersion::wan22 ? 2 : 1; }
    int64_t frame_channels() const { return 3 * patch() * patch(); }        // of a frame as the network sees it
    int64_t stride_t() const { return decoder.time_factor(); }              // frames per latent frame after the first
    int64_t stride_hw() const { return decoder.space_factor() * patch(); }  // pixels per latent pixel
};

// From the shapes of all tensors under their official names. `path` is named in messages. Throws InvalidRequest when
// this is no Wan VAE, or its halves do not fit together.
VaeConfig infer_vae_config(const TensorShapes& shapes, const std::filesystem::path& path);

}  // namespace t3video::models
