// libx264, libx265, SVT-AV1 or libaom, and prores_ks: which is there, and how each takes quality, speed and threads.
#include "media/encoders.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "core/parallel.h"
#include "media/video_writer.h"

namespace t3video::media {
namespace {

// With AVX-512, x264 (build 164) reads uninitialised memory where B-frames meet macroblock trees: the same frames give
// different bits from run to run. With these instruction sets, which every processor with AVX-512 has, they do not.
constexpr const char* kWithoutAvx512 = "asm=AVX2,FMA3,LZCNT,BMI1,BMI2";

constexpr std::array<const char*, 10> kPresets = {"ultrafast", "superfast", "veryfast", "faster",   "fast",
                                                  "medium",    "slow",      "slower",   "veryslow", "placebo"};
// What SVT-AV1 calls about as much effort.
constexpr std::array<int, kPresets.size()> kSvtPresets = {12, 11, 10, 9, 8, 7, 6, 4, 2, 1};
constexpr std::array<int, kPresets.size()> kAomSpeeds = {8, 8, 7, 7, 6, 6, 5, 4, 2, 1};

size_t preset_index(const std::string& preset) {
    const auto found = std::ranges::find(kPresets, preset);
    require_valid(
        found != kPresets.end(), "video preset '", preset,
        "': expected ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow or placebo");
    return static_cast<size_t>(found - kPresets.begin());
}

// Best first.
std::vector<const char*> encoder_names(Codec codec) {
    switch (codec) {
        case Codec::h264:
            return {"libx264"};
        case Codec::hevc:
            return {"libx265"};
        case Codec::av1:
            return {"libsvtav1", "libaom-av1"};
        case Codec::prores:
            return {"prores_ks"};
    }
    return {};
}

// Null where FFmpeg has no encoder for the codec that takes the format.
const AVCodec* find_encoder(const FilmFormat& format) {
    for (const char* name : encoder_names(format.codec)) {
        const AVCodec* codec = avcodec_find_encoder_by_name(name);
        if (codec != nullptr && takes_format(*codec, pixel_format(format))) return codec;
    }
    return nullptr;
}

// "h264 (8, 10 bits), prores (10 bits)"
std::string known_formats() {
    std::string text;
    for (const Codec codec : {Codec::h264, Codec::hevc, Codec::av1, Codec::prores}) {
        std::string bits;
        for (const int n : {8, 10}) {
            const bool known = (codec != Codec::prores || n == 10) && find_encoder({.codec = codec, .bits = n});
            if (known) bits += concat(bits.empty() ? "" : ", ", n);
        }
        if (!bits.empty()) text += concat(text.empty() ? "" : ", ", name_of(codec), " (", bits, " bits)");
    }
    return text.empty() ? "none" : text;
}

const AVCodec* need_encoder(const FilmFormat& format) {
    const AVCodec* codec = find_encoder(format);
    require_valid(codec != nullptr, Field("codec", name_of(format.codec)), " with ", format.bits,
                  " bits: this FFmpeg has no encoder for it; it has ", known_formats());
    return codec;
}

bool is_svt(const AVCodec& codec) {
    return std::string_view(codec.name) == "libsvtav1";
}

void set(AVCodecContext& encoder, const char* option, const std::string& value) {
    check_av(av_opt_set(encoder.priv_data, option, value.c_str(), 0), encoder.codec->name, ": option ", option, "=",
             value);
}

void set_quality(AVCodecContext& encoder, const FilmFormat& format, const VideoOptions& options) {
    const std::string name = encoder.codec->name, crf = std::to_string(format.crf);
    const size_t preset = preset_index(options.preset);
    if (name == "prores_ks") {
        set(encoder, "profile", "hq");
        set(encoder, "vendor", "apl0");  // some programs refuse others
        return;
    }
    // Of 10 bits, x264's CRF 0 is not lossless; quantiser 0 is at any depth.
    const bool by_quantiser = name == "libx264" && format.crf == 0;
    set(encoder, by_quantiser ? "qp" : "crf", crf);
    if (name == "libx264") {
        if ((av_get_cpu_flags() & AV_CPU_FLAG_AVX512) != 0) set(encoder, "x264-params", kWithoutAvx512);
        set(encoder, "preset", options.preset);
    } else if (name == "libx265") {
        const std::string lossless = format.crf == 0 ? ":lossless=1" : "";
        // Where a picture is one block wide, x265 3.5 reads memory that it never wrote, and the same film becomes others.
        const int ctu = encoder.width > 64 ? 64 : encoder.width > 32 ? 32 : 16;
        set(encoder, "x265-params", concat("log-level=none:ctu=", ctu, ":pools=", options.threads, lossless));
        set(encoder, "preset", options.preset);
    } else if (name == "libsvtav1") {
        set(encoder, "preset", std::to_string(kSvtPresets[preset]));
        set(encoder, "svtav1-params", concat("lp=", options.threads));
    } else {
        set(encoder, "cpu-used", std::to_string(kAomSpeeds[preset]));
        set(encoder, "row-mt", "1");
    }
}

// What takes a film that this encoder does not.
Message way_out(const FilmFormat& format, int64_t width, int64_t height) {
    // FFmpeg's own limit, whatever the codec.
    const bool too_large = av_image_check_size(unsigned(width), unsigned(height), 0, nullptr) < 0;
    if (too_large || format.codec == Codec::h264) return Message("write a folder of PNGs (frames/)");
    return Message("try ", Field("codec", "h264"), ", or a folder of PNGs (frames/)");
}

}  // namespace

AVPixelFormat pixel_format(const FilmFormat& format) {
    if (format.codec == Codec::prores) return AV_PIX_FMT_YUV422P10;
    return format.bits == 8 ? AV_PIX_FMT_YUV420P : AV_PIX_FMT_YUV420P10;
}

void check_encoder(const FilmFormat& format) {
    need_encoder(format);
}

CodecPtr open_encoder(const FilmFormat& format, int64_t width, int64_t height, const FrameRate& fps,
                      const VideoOptions& options, bool global_header) {
    const AVCodec* codec = need_encoder(format);
    CodecPtr encoder(avcodec_alloc_context3(codec));
    require(encoder != nullptr, "out of memory for the encoder");
    encoder->width = static_cast<int>(width);
    encoder->height = static_cast<int>(height);
    encoder->sample_aspect_ratio = {1, 1};
    encoder->pix_fmt = pixel_format(format);
    encoder->time_base = {static_cast<int>(fps.den), static_cast<int>(fps.num)};
    encoder->framerate = {static_cast<int>(fps.num), static_cast<int>(fps.den)};
    encoder->color_primaries = AVCOL_PRI_BT709;
    encoder->color_trc = AVCOL_TRC_BT709;
    encoder->colorspace = AVCOL_SPC_BT709;
    encoder->color_range = AVCOL_RANGE_MPEG;
    encoder->chroma_sample_location = AVCHROMA_LOC_LEFT;
    VideoOptions known = options;
    if (known.threads == 0) known.threads = available_threads();  // encoders would count cores that are not ours
    encoder->thread_count = known.threads;
    set_quality(*encoder, format, known);
    if (global_header) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    // SVT-AV1 prints its settings, and what it refuses, to standard error unless this says fatal errors only; it reads
    // it when it starts.
    if (is_svt(*codec)) setenv("SVT_LOG", "0", 0);
    const int status = avcodec_open2(encoder.get(), codec, nullptr);
    require_valid(status >= 0, Field("codec", name_of(format.codec)), ": ", codec->name, " does not take ", width, "x",
                  height, " at ", fps, " fps in ", format.bits, " bits (", error_text(status), "); ",
                  way_out(format, width, height));
    return encoder;
}

void release_unused(AVCodecContext& encoder) {
    if (!is_svt(*encoder.codec)) return;
    const FramePtr frame(av_frame_alloc());
    const PacketPtr packet(av_packet_alloc());
    if (frame == nullptr || packet == nullptr) return;
    frame->format = encoder.pix_fmt;
    frame->width = encoder.width;
    frame->height = encoder.height;
    if (av_frame_get_buffer(frame.get(), 0) < 0) return;
    for (const AVBufferRef* plane : frame->buf) {
        if (plane != nullptr) std::fill_n(plane->data, plane->size, uint8_t{0});
    }
    frame->pts = 0;
    if (avcodec_send_frame(&encoder, frame.get()) < 0 || avcodec_send_frame(&encoder, nullptr) < 0) return;
    while (avcodec_receive_packet(&encoder, packet.get()) >= 0) {
    }
}

}  // namespace t3video::media
