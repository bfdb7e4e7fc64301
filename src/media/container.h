// The containers of video files; included by this folder's .cpp files only.
#pragma once

#include <filesystem>
#include <string>

#include "media/ffmpeg.h"

namespace t3video::media {

// The muxer of a path's extension, for a file under that address. Throws InvalidRequest for a path that is not .mp4,
// .mkv or .mov.
OutputPtr make_output(const std::filesystem::path& path, const std::string& url);

}  // namespace t3video::media
