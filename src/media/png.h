// Writes an image to a PNG file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "media/frame.h"

namespace t3video::media {

struct PngOptions {
    int compression_level = 6;  // of zlib: 1 (fast) to 9 (small)
    int threads = 0;            // 0: one per core; the bytes are the same for any number
    std::string comment = {};   // ASCII, kept under the keyword "Comment"; empty: none
};

// The bytes of a PNG file, 8-bit or 16-bit RGB for an image of u8 or u16, lossless.
std::string encode_png(const Image& image, const PngOptions& options = {});

// Writes one through "<name>.partial", replacing an older file. Throws InvalidRequest when the file cannot be written,
// Error when the disk is full.
void write_png(const std::filesystem::path& path, const Image& image, const PngOptions& options = {});

}  // namespace t3video::media
