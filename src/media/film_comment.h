// The comment that a film or its pictures carry, and what kind of film it is.
#pragma once

#include <filesystem>

#include "media/input/video_reader.h"

namespace t3video::media {

// Whether the path looks like something of film_format.h: a file with one of its endings, or a folder with pictures
// (frames/00000.png).
bool is_film(const std::filesystem::path& path);

// Of a video file (in builds with FFmpeg), a .png, an .exr, or a folder: its frame 00000.png. Pictures have no rate and
// no duration. Throws InvalidRequest for a file that is absent or of another kind.
VideoInfo read_film_info(const std::filesystem::path& path);

// For video files. Throws InvalidRequest in a build without FFmpeg.
VideoInfo read_video_info(const std::filesystem::path& path);

}  // namespace t3video::media
