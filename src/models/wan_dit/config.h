// Sizes of a Wan diffusion transformer, read off its tensors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "core/shape.h"

namespace t3video::models {

// Rows that a transformer was trained to see per prompt; shorter prompts are filled up with zero rows.
constexpr int64_t kTextRows = 512;

struct DitConfig {
    int64_t dim = 0;  // width of a token
    int64_t heads = 0;
    int64_t layers = 0;
    int64_t ffn_dim = 0;
    int64_t in_channels = 0;  // of the latent; 36 where image conditioning is joined on the channels
    int64_t out_channels = 0;
    int64_t text_dim = 0;  // width of a text embedding row
    int64_t freq_dim = 0;  // length of the timestep's sinusoid
    float eps = 1e-6f;
    bool image_branch = false;  // CLIP tokens with their own keys and values (Wan2.1 I2V)

    int64_t head_width() const { return dim / heads; }
};

// Sizes from tensor shapes under official names; the head count comes from `config_json` (official or diffusers keys)
// or, where that says nothing or is of another width, from the released models' head width of 128. Throws
// InvalidRequest naming `origin` for tensors that are not a Wan DiT's, and for head counts that do not divide the
// width.
DitConfig infer_dit_config(const std::map<std::string, Shape>& shapes, const std::filesystem::path& config_json,
                           const std::string& origin);

}  // namespace t3video::models
