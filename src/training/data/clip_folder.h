// Folders of clips, each with its caption beside it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "training/data/set_builder.h"

namespace t3video::training {

// Adds the videos, the pictures, or both, of a folder, sorted by name, to the group that was begun. The caption is the
// text file of the same name with `extension`. Files whose names begin with '.' are left out; a caption without a clip
// is told. Throws InvalidRequest where there is no such folder.
void add_clip_folder(SetBuilder& set, const std::filesystem::path& folder, std::string extension,
                     std::optional<ClipKind> only = std::nullopt);

}  // namespace t3video::training
