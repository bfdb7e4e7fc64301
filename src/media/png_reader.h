// Reads a PNG file row by row, in every build.
#pragma once

#include <filesystem>
#include <memory>

#include "media/film_reader.h"

namespace t3video::media {

// Whether the file starts like a PNG file. Throws InvalidRequest as InputFile does.
bool is_png(const std::filesystem::path& path);

// One frame of 8-bit RGB: grey is spread over the channels, 16 bits are rounded to 8, and what is transparent lies on
// white. Colour profiles and gamma are ignored. Throws InvalidRequest, here or where it is read, for a damaged file, an
// interlaced one, and sides above 32768.
std::unique_ptr<FrameReader> open_png(const std::filesystem::path& path);

// FrameReader::bytes() of a picture that wide.
int64_t png_bytes(int64_t width);

}  // namespace t3video::media
