// Small helpers around FFmpeg's C libraries.
#include "media/ffmpeg.h"

#include <algorithm>
#include <array>

namespace t3video::media {
namespace {

int swscale_matrix(AVColorSpace matrix) {
    switch (matrix) {
        case AVCOL_SPC_BT709:
            return SWS_CS_ITU709;
        case AVCOL_SPC_FCC:
            return SWS_CS_FCC;
        case AVCOL_SPC_SMPTE240M:
            return SWS_CS_SMPTE240M;
        case AVCOL_SPC_BT2020_NCL:
            return SWS_CS_BT2020;
        default:
            return SWS_CS_ITU601;
    }
}

// In 1/256 of a luma sample. The function of libavutil came with FFmpeg 6, that of libavcodec went with FFmpeg 7.
int chroma_position(int* x, int* y, AVChromaLocation location) {
#if LIBAVUTIL_VERSION_MAJOR >= 58
    return av_chroma_location_enum_to_pos(x, y, location);
#else
    return avcodec_enum_to_chroma_pos(x, y, location);
#endif
}

// Tells swscale where the chroma samples lie. By itself it assumes the centre of each 2x2 block, while H.264 players
// assume the left edge: a quarter of a chroma sample off.
void set_chroma_position(SwsContext* scaler, const std::string& side, const PixelLayout& layout) {
    int horizontal_shift = 0, vertical_shift = 0;
    check_av(av_pix_fmt_get_chroma_sub_sample(layout.format, &horizontal_shift, &vertical_shift), "pixel format");
    if (horizontal_shift != 1 || vertical_shift > 1) return;  // 4:2:0 and 4:2:2
    const auto location = layout.chroma == AVCHROMA_LOC_UNSPECIFIED ? AVCHROMA_LOC_LEFT : layout.chroma;
    int x = 0, y = 0;
    check_av(chroma_position(&x, &y, location), "chroma location");
    check_av(av_opt_set_int(scaler, (side + "_h_chr_pos").c_str(), x, 0), "swscale option");
    if (vertical_shift == 0) return;
    check_av(av_opt_set_int(scaler, (side + "_v_chr_pos").c_str(), y, 0), "swscale option");
}

void set_size_and_format(SwsContext* scaler, const std::string& side, int64_t width, int64_t height,
                         AVPixelFormat format) {
    check_av(av_opt_set_int(scaler, (side + "w").c_str(), width, 0), "swscale option");
    check_av(av_opt_set_int(scaler, (side + "h").c_str(), height, 0), "swscale option");
    check_av(av_opt_set_int(scaler, (side + "_format").c_str(), format, 0), "swscale option");
}

}  // namespace

std::string error_text(int status) {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    av_strerror(status, text.data(), text.size());
    return text.data();
}

void quiet_ffmpeg() {
    av_log_set_level(AV_LOG_FATAL);
}

bool takes_format(const AVCodec& encoder, AVPixelFormat format) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)  // FFmpeg 7.1
    const void* list = nullptr;
    int count = 0;
    check_av(avcodec_get_supported_config(nullptr, &encoder, AV_CODEC_CONFIG_PIX_FORMAT, 0, &list, &count),
             "formats of ", encoder.name);
    const auto* formats = static_cast<const AVPixelFormat*>(list);
    return std::find(formats, formats + count, format) != formats + count;
#else
    const AVPixelFormat* p = encoder.pix_fmts;
    while (p != nullptr && *p != format && *p != AV_PIX_FMT_NONE) ++p;
    return p != nullptr && *p == format;
#endif
}

PacketPtr make_packet() {
    PacketPtr packet(av_packet_alloc());
    require(packet != nullptr, "out of memory for a packet");
    return packet;
}

FramePtr make_frame() {
    FramePtr frame(av_frame_alloc());
    require(frame != nullptr, "out of memory for a frame");
    return frame;
}

FramePtr make_frame(AVPixelFormat format, int64_t width, int64_t height) {
    FramePtr frame = make_frame();
    frame->format = format;
    frame->width = static_cast<int>(width);
    frame->height = static_cast<int>(height);
    check_av(av_frame_get_buffer(frame.get(), 0), "frame of ", width, "x", height);
    return frame;
}

AVPixelFormat rgb_format(Samples samples) {
    require(samples != Samples::f32, "FFmpeg's RGB frames hold levels");
    return samples == Samples::u8 ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_RGB48;  // 16 bits in the machine's byte order
}

void copy_to_frame(const Image& image, AVFrame& frame) {
    require(frame.format == rgb_format(image.samples) && frame.width == image.width && frame.height == image.height,
            "image of ", image.width, "x", image.height, " for a frame of ", frame.width, "x", frame.height);
    require(image.rgb.size() == static_cast<size_t>(image.height * image.row_bytes()), "image of ", image.width, "x",
            image.height, " holds ", image.rgb.size(), " bytes");
    for (int64_t y = 0; y < image.height; ++y) {
        std::copy_n(image.row<uint8_t>(y), image.row_bytes(), frame.data[0] + y * frame.linesize[0]);
    }
}

void copy_from_frame(const AVFrame& frame, Image& image) {
    require(frame.format == rgb_format(image.samples) && frame.width == image.width && frame.height == image.height,
            "frame of ", frame.width, "x", frame.height, " for an image of ", image.width, "x", image.height);
    for (int64_t y = 0; y < image.height; ++y) {
        std::copy_n(frame.data[0] + y * frame.linesize[0], image.row_bytes(), image.row<uint8_t>(y));
    }
}

int64_t duration_of(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_MAJOR >= 58
    return frame.duration;
#else
    return frame.pkt_duration;
#endif
}

const int32_t* display_matrix_of(const AVStream& stream) {
    constexpr size_t kBytes = 9 * sizeof(int32_t);
#if LIBAVCODEC_VERSION_MAJOR >= 61
    const AVPacketSideData* data = av_packet_side_data_get(
        stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return data != nullptr && data->size >= kBytes ? reinterpret_cast<const int32_t*>(data->data) : nullptr;
#else
    size_t size = 0;
    const uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return data != nullptr && size >= kBytes ? reinterpret_cast<const int32_t*>(data) : nullptr;
#endif
}

ScalerPtr make_converter(int64_t width, int64_t height, const PixelLayout& from, const PixelLayout& to,
                         AVColorSpace matrix) {
    ScalerPtr scaler(sws_alloc_context());
    require(scaler != nullptr, "out of memory for swscale");
    set_size_and_format(scaler.get(), "src", width, height, from.format);
    set_size_and_format(scaler.get(), "dst", width, height, to.format);
    set_chroma_position(scaler.get(), "src", from);
    set_chroma_position(scaler.get(), "dst", to);
    // Chroma from every pixel with a proper filter, and exact rounding: the fast paths are off by several code values.
    constexpr int kFlags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_FULL_CHR_H_INT;
    check_av(av_opt_set_int(scaler.get(), "sws_flags", kFlags, 0), "swscale option");
    check_av(sws_init_context(scaler.get(), nullptr, nullptr), "swscale for ", width, "x", height);

    const int* coefficients = sws_getCoefficients(swscale_matrix(matrix));
    constexpr int kUnit = 1 << 16;  // contrast and saturation in 16.16 fixed point
    check_av(sws_setColorspaceDetails(scaler.get(), coefficients, from.full_range, coefficients, to.full_range, 0,
                                      kUnit, kUnit),
             "swscale colours");
    return scaler;
}

}  // namespace t3video::media
