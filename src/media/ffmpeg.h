// Owners, error checks and the colour conversion around FFmpeg's C libraries; included by this folder's .cpp files
// only.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/cpu.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/parseutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <cerrno>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/output_file.h"
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

// Returns a status of zero or more; throws Error with the parts and FFmpeg's words for a negative one, WriteError where
// the system did not take the bytes.
template <class... Parts>
int check_av(int status, const Parts&... parts) {
    const bool refused = status == AVERROR(ENOSPC) || status == AVERROR(EDQUOT) || status == AVERROR(EFBIG);
    if (refused) throw WriteError(concat(parts..., ": ", words_of_refusal(AVUNERROR(status))));
    if (status < 0) throw Error(concat(parts..., ": ", error_text(status)));
    return status;
}

// FFmpeg keeps one log level per process and prints to standard error: what it refuses is thrown, with its words, and
// is not said twice.
void quiet_ffmpeg();

// Whether the encoder lists the format among those it takes.
bool takes_format(const AVCodec& encoder, AVPixelFormat format);

PacketPtr make_packet();
FramePtr make_frame();
// A frame with (padded, aligned) memory of its own.
FramePtr make_frame(AVPixelFormat format, int64_t width, int64_t height);
// FFmpeg's packed RGB of such samples, u8 or u16.
AVPixelFormat rgb_format(Samples samples);
// Image of u8 or u16 <-> frame in its rgb_format of the same size.
void copy_to_frame(const Image& image, AVFrame& frame);
void copy_from_frame(const AVFrame& frame, Image& image);

// How long a frame is shown, in the units of its stream; 0 where that is unknown.
int64_t duration_of(const AVFrame& frame);
// Nine numbers (orientation.h); null where the container has none.
const int32_t* display_matrix_of(const AVStream& stream);

// One side of a conversion between pixel formats.
struct PixelLayout {
    AVPixelFormat format = AV_PIX_FMT_RGB24;
    bool full_range = true;                              // 0..255; false: luma 16..235
    AVChromaLocation chroma = AVCHROMA_LOC_UNSPECIFIED;  // where subsampled chroma lies; unspecified: left
};

// A converter without scaling; `matrix` holds for the side that is not RGB.
ScalerPtr make_converter(int64_t width, int64_t height, const PixelLayout& from, const PixelLayout& to,
                         AVColorSpace matrix);

}  // namespace t3video::media
