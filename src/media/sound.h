// The sound of a video that a film is made from.
#pragma once

#include <filesystem>

#include "core/message.h"

namespace t3video::media {

// Why a film under that name does not take the sound of `input`, a video file: this has none, or the container takes
// none, or not such. Empty where VideoOptions::sound may name it. Throws InvalidRequest for an input that cannot be
// read.
Message sound_obstacle(const std::filesystem::path& input, const std::filesystem::path& output);

}  // namespace t3video::media
