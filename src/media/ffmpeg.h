// Owners, error checks and the colour conversion around FFmpeg's C libraries; included by this folder's .cpp files
// only.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/cpu.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

#include "core/error.h"
#include "media/frame.h"

namespace t3video::media {

// For the free functions that take the address of the pointer.
template <auto free_function>
struct FreeByAddress {
    template <class T>
    void operator()(T* object) const {
        free_function(&object);
    }
};
struct FreeOutput {
    void operator()(AVFormatContext* output) const {
        avio_closep(&output->pb);
        avformat_free_context(output);
    }
};
struct FreeScaler {
    void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};

using FramePtr = std::unique_ptr<AVFrame, FreeByAddress<av_frame_free>>;
using PacketPtr = std::unique_ptr<AVPacket, FreeByAddress<av_packet_free>>;
using CodecPtr = std::unique_ptr<AVCodecContext, FreeByAddress<avcodec_free_context>>;
using InputPtr = std::unique_ptr<AVFormatContext, FreeByAddress<avformat_close_input>>;
using OutputPtr = std::unique_ptr<AVFormatContext, FreeOutput>;
using ScalerPtr = std::unique_ptr<SwsContext, FreeScaler>;

// FFmpeg's own words for an error code.
std::string error_text(int status);

// Returns a status of zero or more; throws Error with the parts and FFmpeg's words for a negative one.
template <class... Parts>
int check_av(int status, const Parts&... parts) {
    if (status < 0) throw Error(concat(parts..., ": ", error_text(status)));
    return status;
}

// FFmpeg keeps one log level per process and prints to standard error: leave its errors, drop the rest.
void quiet_ffmpeg();

PacketPtr make_packet();
FramePtr make_frame();
// A frame with (padded, aligned) memory of its own.
FramePtr make_frame(AVPixelFormat format, int64_t width, int64_t height);
// Image <-> frame in AV_PIX_FMT_RGB24 of the same size.
void copy_to_frame(const Image& image, AVFrame& frame);
void copy_from_frame(const AVFrame& frame, Image& image);

// One side of a conversion between pixel formats.
struct PixelLayout {
    AVPixelFormat format = AV_PIX_FMT_RGB24;
    bool full_range = true;                              // 0..255; false: luma 16..235
    AVChromaLocation chroma = AVCHROMA_LOC_UNSPECIFIED;  // where the chroma samples of 4:2:0 lie; unspecified: left
};

// A converter without scaling; `matrix` holds for the side that is not RGB.
ScalerPtr make_converter(int64_t width, int64_t height, const PixelLayout& from, const PixelLayout& to,
                         AVColorSpace matrix);

}  // namespace t3video::media
