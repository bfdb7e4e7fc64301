// The TOML that musubi-tuner and diffusion-pipe describe data sets in.
#pragma once

#include <filesystem>
#include <string_view>

#include "training/data/set_builder.h"

namespace t3video::training {

// Adds a group for each [[datasets]] or [[directory]] and its clips. Of musubi-tuner's settings lengths that are not
// 4k+1 are cut to it, as it does itself. diffusion-pipe's frame_buckets become lengths of which a clip takes the
// longest it fills, its min_ar, max_ar and num_ar_buckets the shapes evenly spaced in their logarithm. What cannot be
// read of a group is a problem. Throws InvalidRequest, naming file and line, for other TOML and values that cannot be
// followed.
void add_toml_list(SetBuilder& set, const std::filesystem::path& list, std::string_view text);

}  // namespace t3video::training
