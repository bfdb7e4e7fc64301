// FFmpeg's encoders of each codec and their settings; included by this folder's .cpp files only.
#pragma once

#include "media/ffmpeg.h"
#include "media/film_format.h"
#include "media/frame_rate.h"

namespace t3video::media {

// 4:2:0, for ProRes 4:2:2.
AVPixelFormat pixel_format(const FilmFormat& format);

// An open encoder with BT.709 colours in limited range. Throws InvalidRequest when this FFmpeg has none for the format,
// naming those it has, when options.preset is unknown, and when the encoder does not take the size or the rate.
CodecPtr open_encoder(const FilmFormat& format, int64_t width, int64_t height, const FrameRate& fps,
                      const VideoOptions& options, bool global_header);

// To be called before an encoder goes that saw no frame: SVT-AV1, closed so, would wait for one for ever.
void release_unused(AVCodecContext& encoder);  // does not throw

}  // namespace t3video::media
