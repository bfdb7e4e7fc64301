// RGB to BT.709 yuv420p by swscale, H.264 by libx264, mp4/mkv/mov by libavformat.
#include "media/video_writer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "core/output_file.h"
#include "media/ffmpeg.h"

namespace t3video::media {
namespace {

constexpr int64_t kLargestSide = 16384;  // x264's limit

// With AVX-512, x264 (build 164) reads uninitialised memory where B-frames meet macroblock trees: the same frames give
// different bits from run to run. With these instruction sets, which every processor with AVX-512 has, they do not.
constexpr const char* kWithoutAvx512 = "asm=AVX2,FMA3,LZCNT,BMI1,BMI2";

struct Container {
    std::string_view extension, muxer;
};
constexpr std::array<Container, 3> kContainers = {{{".mp4", "mp4"}, {".mkv", "matroska"}, {".mov", "mov"}}};

const Container& container_of(const std::filesystem::path& path) {
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto found = std::find_if(kContainers.begin(), kContainers.end(),
                                    [&](const Container& container) { return container.extension == extension; });
    require_valid(found != kContainers.end(), path.string(), ": ",
                  extension.empty() ? "no extension" : "unknown extension '" + extension + "'",
                  "; expected .mp4, .mkv or .mov");
    return *found;
}

void check_size(int64_t width, int64_t height) {
    const auto fits = [](int64_t side) { return side >= 2 && side <= kLargestSide && side % 2 == 0; };
    const auto nearest = [](int64_t side) { return std::clamp(side + side % 2, int64_t{2}, kLargestSide); };
    require_valid(fits(width) && fits(height), "video size ", width, "x", height,
                  ": both sides must be even and from 2 to ", kLargestSide, ", such as ", nearest(width), "x",
                  nearest(height));
}

void check_options(const VideoOptions& options) {
    require_valid(options.crf >= 0 && options.crf <= 51, "video quality crf ", options.crf, ": expected 0 to 51");
    require_valid(options.threads >= 0, "video threads ", options.threads, ": expected 0 (one per core) or more");
    constexpr std::array<std::string_view, 10> kPresets = {"ultrafast", "superfast", "veryfast", "faster",   "fast",
                                                           "medium",    "slow",      "slower",   "veryslow", "placebo"};
    require_valid(std::find(kPresets.begin(), kPresets.end(), options.preset) != kPresets.end(), "video preset '",
                  options.preset, "': expected ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, ",
                  "veryslow or placebo");
}

CodecPtr open_encoder(int64_t width, int64_t height, const FrameRate& fps, const VideoOptions& options,
                      bool global_header) {
    const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
    require(codec != nullptr, "this FFmpeg has no libx264 encoder");
    CodecPtr encoder(avcodec_alloc_context3(codec));
    require(encoder != nullptr, "out of memory for the encoder");
    encoder->width = static_cast<int>(width);
    encoder->height = static_cast<int>(height);
    encoder->sample_aspect_ratio = {1, 1};
    encoder->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder->time_base = {static_cast<int>(fps.den), static_cast<int>(fps.num)};
    encoder->framerate = {static_cast<int>(fps.num), static_cast<int>(fps.den)};
    encoder->color_primaries = AVCOL_PRI_BT709;
    encoder->color_trc = AVCOL_TRC_BT709;
    encoder->colorspace = AVCOL_SPC_BT709;
    encoder->color_range = AVCOL_RANGE_MPEG;
    encoder->chroma_sample_location = AVCHROMA_LOC_LEFT;
    encoder->thread_count = options.threads;
    if ((av_get_cpu_flags() & AV_CPU_FLAG_AVX512) != 0) {
        check_av(av_opt_set(encoder->priv_data, "x264-params", kWithoutAvx512, 0), "x264 instruction sets");
    }
    if (global_header) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    check_av(av_opt_set_int(encoder->priv_data, "crf", options.crf, 0), "x264 crf ", options.crf);
    check_av(av_opt_set(encoder->priv_data, "preset", options.preset.c_str(), 0), "x264 preset ", options.preset);
    check_av(avcodec_open2(encoder.get(), codec, nullptr), "cannot open the H.264 encoder for ", width, "x", height);
    return encoder;
}

}  // namespace

bool has_video_support() {
    return true;
}

std::unique_ptr<FrameWriter> open_video(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps,
                                        const VideoOptions& options) {
    return std::make_unique<VideoWriter>(path, width, height, fps, options);
}

struct VideoWriter::Impl {
    Impl(const std::filesystem::path& path, int64_t width, int64_t height, const FrameRate& fps,
         const VideoOptions& options)
        : name(path.string()), file(path) {
        const std::string url = "file:" + file.path().string();  // the prefix keeps a ':' in the name harmless
        AVFormatContext* raw = nullptr;
        check_av(avformat_alloc_output_context2(&raw, nullptr, container_of(path).muxer.data(), url.c_str()), name);
        output.reset(raw);
        encoder = open_encoder(width, height, fps, options, (output->oformat->flags & AVFMT_GLOBALHEADER) != 0);
        rgb = make_frame(AV_PIX_FMT_RGB24, width, height);
        yuv = make_frame(AV_PIX_FMT_YUV420P, width, height);
        const PixelLayout from{AV_PIX_FMT_RGB24, true};
        const PixelLayout to{AV_PIX_FMT_YUV420P, false, encoder->chroma_sample_location};
        converter = make_converter(width, height, from, to, encoder->colorspace);
        start_file(url);
    }

    void start_file(const std::string& url) {
        stream = avformat_new_stream(output.get(), nullptr);
        require(stream != nullptr, name, ": out of memory for a stream");
        check_av(avcodec_parameters_from_context(stream->codecpar, encoder.get()), name);
        stream->time_base = encoder->time_base;
        stream->avg_frame_rate = encoder->framerate;
        check_av(avio_open(&output->pb, url.c_str(), AVIO_FLAG_WRITE), "cannot write ", file.path().string());
        AVDictionary* options = nullptr;
        av_dict_set(&options, "movflags", "+faststart", 0);  // the index first, so that playing can start at once
        const int status = avformat_write_header(output.get(), &options);
        av_dict_free(&options);  // holds what the muxer did not know: mkv has no such option
        check_av(status, "cannot write ", file.path().string());
    }

    // `frame` null: no more frames, drain.
    void encode(const AVFrame* frame) {
        check_av(avcodec_send_frame(encoder.get(), frame), name, ": encoding frame ", frames);
        while (true) {
            const int status = avcodec_receive_packet(encoder.get(), packet.get());
            if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
            check_av(status, name, ": encoding");
            packet->stream_index = stream->index;
            packet->duration = 1;  // one frame, also for the last, which no other follows
            av_packet_rescale_ts(packet.get(), encoder->time_base, stream->time_base);
            check_av(av_interleaved_write_frame(output.get(), packet.get()), "cannot write ", file.path().string());
        }
    }

    std::string name;  // for messages
    PartialFile file;  // outlives what writes to it
    OutputPtr output;
    CodecPtr encoder;
    ScalerPtr converter;
    FramePtr rgb, yuv;
    PacketPtr packet = make_packet();
    AVStream* stream = nullptr;  // owned by output
    int64_t frames = 0;
    bool closed = false;
};

VideoWriter::VideoWriter(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps,
                         const VideoOptions& options) {
    check_size(width, height);
    check_options(options);
    container_of(path);
    check_writable(path);
    quiet_ffmpeg();
    impl_ = std::make_unique<Impl>(path, width, height, fps, options);
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const Image& image) {
    Impl& w = *impl_;
    require(!w.closed, w.name, ": frame after close()");
    copy_to_frame(image, *w.rgb);
    check_av(av_frame_make_writable(w.yuv.get()), w.name);  // the encoder may still hold the last one
    check_av(sws_scale(w.converter.get(), w.rgb->data, w.rgb->linesize, 0, w.rgb->height, w.yuv->data, w.yuv->linesize),
             w.name, ": converting frame ", w.frames);
    w.yuv->pts = w.frames;
    w.encode(w.yuv.get());
    ++w.frames;
}

void VideoWriter::close() {
    Impl& w = *impl_;
    if (w.closed) return;
    require(w.frames > 0, w.name, ": a video needs at least one frame");
    w.encode(nullptr);
    check_av(av_write_trailer(w.output.get()), "cannot finish ", w.file.path().string());
    check_av(avio_closep(&w.output->pb), "cannot finish ", w.file.path().string());
    w.file.commit();
    w.closed = true;
}

int64_t VideoWriter::frames() const {
    return impl_->frames;
}

}  // namespace t3video::media
