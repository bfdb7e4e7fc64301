// What a model folder says of itself beyond its weights.
#pragma once

#include <filesystem>

#include "core/message.h"

namespace t3video::film {

// The folder that is meant where one of a hub's cache is named: of "models--Org--Name" or its "snapshots" the snapshot
// that refs/main names, or the only one. Other folders are meant themselves. Throws InvalidRequest where there is a
// choice, or nothing, or where the folder holds such folders.
std::filesystem::path snapshot_of(const std::filesystem::path& folder);

// Why a folder's transformer is not read, although it may be there: models of two transformers, from images, with
// parts that this program does not have. Empty where nothing is said against it.
Message claim_of_folder(const std::filesystem::path& folder);

// The same of the config.json of a transformer.
Message claim_of_config(const std::filesystem::path& config);

}  // namespace t3video::film
