// YUV4MPEG2 files: their size, and in builds without FFmpeg their frames, as Y4mWriter writes them and others of 8
// bits.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "media/input/film_reader.h"

namespace t3video::media {

// Of 4:2:0, 4:2:2, 4:4:4 or grey. The matrix is BT.709 for what Y4mWriter wrote, for 1280 pixels and for 577 lines or
// more, else BT.601; the range limited unless the header says full. Chroma is spread linearly. Throws InvalidRequest,
// here or where it is read, for other files, damaged ones, and frames that take more than `memory` bytes.
std::unique_ptr<FrameReader> open_y4m(const std::filesystem::path& path, int64_t memory = kNoLimit);

// Width and height of the header's line. Throws InvalidRequest, naming the file, for sides that no film has.
std::pair<int64_t, int64_t> y4m_size(std::string_view header, const std::string& name);

}  // namespace t3video::media
