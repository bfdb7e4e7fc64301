// Files as other programs pack them: a network alone or several in one file, with a prefix in front of the names of
// each, weights in 8 bits with scales.
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

enum class Network { dit, vae, text_encoder };

// The tensors of one network: those with the prefix of its kind ("model.diffusion_model.", "first_stage_model.",
// "text_encoders.umt5xxl.transformer.", ...), which is taken off, or else all that have no other kind's, without the
// prefix that all of them share in front of the network's own names ("module.", "net."). Scales are folded into their
// weights (scaled.h). `notes` gets what the user should know of the file. Throws what open_tensors throws.
TensorSource open_network(const std::filesystem::path& path, Network network, Notes* notes = nullptr);

// What the names in a file say it holds; empty for none of these.
struct Contents {
    std::vector<Network> networks;
    bool lora = false;
};
Contents contents_of(const std::filesystem::path& path);

}  // namespace t3video::checkpoint
