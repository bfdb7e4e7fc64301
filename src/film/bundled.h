// Files that come with the program.
#pragma once

#include <filesystem>

namespace t3video::film {

// A folder of those: share/t3video/models/NAME beside the program or its bin/, or models/NAME in the source tree.
// Empty where there is none.
std::filesystem::path bundled_folder(const char* name);

}  // namespace t3video::film
