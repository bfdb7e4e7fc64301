// The films of each prompt side by side.
#pragma once

#include <filesystem>
#include <string>

#include "evaluation/results.h"

namespace t3video::evaluation {

// A row for each name: players, the reference first, numbers, curves over frames. Films are links relative to
// `folder`; those that no browser plays are lines that say so.
std::string film_rows_of(const Evaluation& evaluation, const std::filesystem::path& folder);

// The same path as a link from a page in `folder`, through parents of it where need be.
std::string link_from(const std::filesystem::path& folder, const std::filesystem::path& path);

}  // namespace t3video::evaluation
