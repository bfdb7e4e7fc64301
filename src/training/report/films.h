// The sample films of a run, as sheets of pictures side by side.
#pragma once

#include <filesystem>
#include <string>

#include "training/report/log_entries.h"

namespace t3video::training {

// For each prompt a row: the first samples and the latest ones, six at most, each a picture that leads to its film.
// Pictures are read from below `folder`, made smaller where they are large, and are part of the text; a line takes the
// place of one that is absent or damaged, or lies outside the folder. Empty where nothing was sampled.
std::string film_rows_of(const Log& log, const std::filesystem::path& folder);

}  // namespace t3video::training
