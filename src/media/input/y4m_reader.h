// Reads YUV4MPEG2 files in builds without FFmpeg: what Y4mWriter writes, and others of 8 bits.
#pragma once

#include <filesystem>
#include <memory>

#include "media/input/film_reader.h"

namespace t3video::media {

// Of 4:2:0, 4:2:2, 4:4:4 or grey. The matrix is BT.709 for what Y4mWriter wrote, for 1280 pixels and for 577 lines or
// more, else BT.601; the range limited unless the header says full. Chroma is spread linearly. Throws InvalidRequest,
// here or where it is read, for other files, damaged ones, and frames that take more than `memory` bytes.
std::unique_ptr<FrameReader> open_y4m(const std::filesystem::path& path, int64_t memory = kNoLimit);

}  // namespace t3video::media
