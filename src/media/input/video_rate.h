// The frame rate of a video; included by this folder's .cpp files only.
#pragma once

#include <optional>
#include <string>

#include "media/ffmpeg.h"
#include "media/frame_rate.h"

namespace t3video::media {

// The rate that the file is meant to have; where frames come at changing intervals, their mean, which is one of the
// usual rates where it is near one (a phone's 29.9). None outside of FrameRate's range.
std::optional<FrameRate> rate_of(const std::string& file, AVFormatContext& input, AVStream& stream);

// How many frames the container says that the video has: 0 where it says nothing, or only what FFmpeg found in the
// file. Sound may be longer than they are, so that its length does not count.
int64_t stated_frames(const AVFormatContext& input, const AVStream& stream, const std::optional<FrameRate>& fps);

}  // namespace t3video::media
