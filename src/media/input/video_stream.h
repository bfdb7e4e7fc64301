// What a video's stream says of its frames before one is decoded; included by this folder's .cpp files only.
#pragma once

#include <optional>
#include <string>

#include "media/ffmpeg.h"
#include "media/frame_rate.h"
#include "media/input/video_reader.h"

namespace t3video::media {

ColorTags tags_of(const AVCodecParameters& stream);
// Its pixel format by FFmpeg's name, or "unknown".
std::string pixels_of(const AVCodecParameters& stream);

// The rate that the file is meant to have; where frames come at changing intervals, their mean, which is one of the
// usual rates where it is near one (a phone's 29.9). None outside of FrameRate's range.
std::optional<FrameRate> rate_of(const std::string& file, AVFormatContext& input, AVStream& stream);

// How many frames the container says that the video has: 0 where it says nothing, or only what FFmpeg found in the
// file. Sound may be longer than they are, so that its length does not count.
int64_t stated_frames(const AVFormatContext& input, const AVStream& stream, const std::optional<FrameRate>& fps);

// The decoder that is found for the stream, or another one where that leaves something out. Throws InvalidRequest where
// there is none of that kind.
const AVCodec* decoder_for(const AVCodec* found, const AVStream& stream, const std::string& name);

// What reading takes: of a picture its file, as one packet, and the frame; of a video the frames that the decoder
// keeps, those under way in its threads, and as much again for packets and tables; and one frame in RGB.
int64_t bytes_of_reading(const AVCodecParameters& stream, int64_t file_bytes, bool still, int threads, Samples samples);

}  // namespace t3video::media
