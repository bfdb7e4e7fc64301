// Writes an image to a PNG file.
#pragma once

#include <filesystem>

#include "media/frame.h"

namespace t3video::media {

// Lossless, through "<name>.partial", replacing an older file. Throws InvalidRequest when the place cannot be written,
// Error when the disk is full.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace t3video::media
