// The same films with full attention, to compare others with.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "evaluation/film_sets.h"

namespace t3video::apps {

constexpr const char* kTwins = "full attention";  // what their set is called

// Makes each film of the set once more with full attention, in the folder, by its record and these further words of
// t3video generate. Films that cannot be are named and left out. Throws InvalidRequest where none can be: nothing is
// made then, and no folder.
evaluation::FilmSet make_twins(const evaluation::FilmSet& set, const std::filesystem::path& folder,
                               const std::vector<std::string>& further, bool quiet);

}  // namespace t3video::apps
