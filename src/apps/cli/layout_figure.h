// A window layout as a picture.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/layout_table.h"

namespace t3video::apps {

// An SVG file: for each layer of a cycle, of eight at most, the grid in space and time in three slices through its
// middle token, with that token's close and remote windows; below, what it depends on after that layer and those before
// it. `title` stands above.
std::string layout_figure(const t3::WindowLayout& layout, const std::vector<t3::Reach>& reach,
                          const std::string& title);

}  // namespace t3video::apps
