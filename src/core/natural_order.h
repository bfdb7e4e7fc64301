// The order in which people look for names.
#pragma once

#include <string_view>

namespace t3video {

// Whether a name comes before another as people count: numbers within names by their values ("frame_2" before
// "frame_10"), all else by its bytes, letters by their case only where the names are the same otherwise.
bool counts_before(std::string_view left, std::string_view right);

}  // namespace t3video
