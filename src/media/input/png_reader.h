// Reads a PNG file row by row, in every build.
#pragma once

#include <filesystem>
#include <memory>

#include "media/input/film_reader.h"

namespace t3video::media {

// Whether the file starts like a PNG file. Throws InvalidRequest as InputFile does.
bool is_png(const std::filesystem::path& path);

// One frame of 8-bit RGB: grey is spread over the channels, 16 bits are rounded to 8, and what is transparent lies on
// white. Turned as its EXIF data say. Colour profiles and gamma are ignored. Interlaced and turned pictures are held as
// a whole, others row by row. Throws InvalidRequest, here or where it is read, for a damaged file, sides above 32768,
// and one that takes more than `memory` bytes.
std::unique_ptr<FrameReader> open_png(const std::filesystem::path& path, int64_t memory = kNoLimit);

}  // namespace t3video::media
