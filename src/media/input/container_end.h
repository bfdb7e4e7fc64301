// Whether a video's file reaches the end that its container tells of.
#pragma once

#include <cstdint>
#include <filesystem>

namespace t3video::media {

enum class FileEnd : uint8_t {
    open,      // whole, or of a kind that does not tell
    in_frame,  // within a frame, of a kind whose recordings begin and end anywhere: MPEG transport streams
    cut,       // before the end that sizes or marks in it tell of
};

// Looks at sizes and marks between a file's parts and decodes nothing. Throws InvalidRequest where the file cannot be
// read.
FileEnd end_of_video(const std::filesystem::path& file);

}  // namespace t3video::media
