// Reads a PNG file, in every build.
#pragma once

#include <filesystem>

#include "media/frame.h"

namespace t3video::media {

// Whether the file starts like a PNG file.
bool is_png(const std::filesystem::path& path);

// 8-bit RGB: grey is spread over the channels, 16 bits are rounded to 8, and what is transparent lies on white. Colour
// profiles and gamma are ignored. Throws InvalidRequest for a damaged file, an interlaced one, and sides above 32768.
Image read_png(const std::filesystem::path& path);

}  // namespace t3video::media
