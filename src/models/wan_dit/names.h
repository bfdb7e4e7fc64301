// Names of DiT tensors in the layouts found in the wild.
#pragma once

#include <map>
#include <string>

#include "core/shape.h"
#include "models/wan_dit/config.h"

namespace t3video::models {

// The official name of a diffusers name, and the other way round; empty for any other, and where they are the same.
std::string official_dit_name(const std::string& name);
std::string diffusers_dit_name(const std::string& name);

// Tensors of the CLIP branch of Wan2.1 I2V and FLF2V models, beyond those of a T2V model of the same sizes.
// `shapes` tells the CLIP width and whether the two-image position embedding is there.
std::map<std::string, Shape> image_branch_shapes(const DitConfig& config, const std::map<std::string, Shape>& shapes);

}  // namespace t3video::models
