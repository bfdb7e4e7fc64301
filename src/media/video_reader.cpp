// Demuxing, decoding and conversion to RGB by FFmpeg's libraries.
#include "media/video_reader.h"

#include <string_view>

#include "media/ffmpeg.h"
#include "media/film_comment.h"

namespace t3video::media {
namespace {

// As check_av, for what is wrong with the user's file.
template <class... Parts>
int check_file(int status, const Parts&... parts) {
    if (status < 0) throw InvalidRequest(concat(parts..., ": ", error_text(status)));
    return status;
}

std::string text_or_unknown(const char* text) {
    return text != nullptr ? text : "unknown";
}

ColorTags tags_of(const AVCodecParameters& stream) {
    return {text_or_unknown(av_color_primaries_name(stream.color_primaries)),
            text_or_unknown(av_color_transfer_name(stream.color_trc)),
            text_or_unknown(av_color_space_name(stream.color_space)),
            text_or_unknown(av_color_range_name(stream.color_range))};
}

bool is_full_range(const AVFrame& frame) {
    const auto format = static_cast<AVPixelFormat>(frame.format);
    const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
    require(description != nullptr, "unknown pixel format ", frame.format);
    const bool is_jpeg =
        format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P;
    return is_jpeg || frame.color_range == AVCOL_RANGE_JPEG || (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
}

}  // namespace

struct VideoReader::Impl {
    Impl(const std::filesystem::path& path, Samples wanted) : name(path.string()), samples(wanted) {
        std::error_code ignored;
        require_valid(std::filesystem::exists(path, ignored), name, ": no such file; expected a video or image");
        require_valid(std::filesystem::is_regular_file(path, ignored), name, ": not a file; expected a video or image");
        AVFormatContext* raw = nullptr;
        const std::string url = "file:" + name;  // the prefix keeps a ':' in the name harmless
        check_file(avformat_open_input(&raw, url.c_str(), nullptr, nullptr), name, ": not a video or image file");
        input.reset(raw);
        check_file(avformat_find_stream_info(input.get(), nullptr), name, ": cannot read the video's properties");
        open_decoder();
    }

    void open_decoder() {
        const AVCodec* codec = nullptr;
        const int index = av_find_best_stream(input.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
        check_file(index, name, ": no video that can be decoded");
        stream = input->streams[index];
        decoder.reset(avcodec_alloc_context3(codec));
        require(decoder != nullptr, "out of memory for the decoder");
        check_av(avcodec_parameters_to_context(decoder.get(), stream->codecpar), name);
        decoder->pkt_timebase = stream->time_base;
        decoder->thread_count = 0;  // one per core
        check_av(avcodec_open2(decoder.get(), codec, nullptr), name, ": cannot open decoder ", codec->name);

        const AVCodecParameters& parameters = *stream->codecpar;
        require_valid(parameters.width > 0 && parameters.height > 0, name, ": no picture size found");
        info.width = parameters.width;
        info.height = parameters.height;
        info.codec = avcodec_get_name(parameters.codec_id);
        info.pixels = text_or_unknown(av_get_pix_fmt_name(static_cast<AVPixelFormat>(parameters.format)));
        info.tags = tags_of(parameters);
        const AVDictionaryEntry* comment = av_dict_get(input->metadata, "comment", nullptr, 0);
        if (comment != nullptr) info.comment = comment->value;
        const AVRational rate = av_guess_frame_rate(input.get(), stream, nullptr);
        int num = 0, den = 0;
        av_reduce(&num, &den, rate.num, rate.den, FrameRate::kLargestTerm);
        const double fps = den > 0 ? static_cast<double>(num) / den : 0.0;
        if (fps >= FrameRate::kSlowest && fps <= FrameRate::kFastest) info.fps = FrameRate(num, den);
        if (stream->duration != AV_NOPTS_VALUE) {
            info.duration = static_cast<double>(stream->duration) * av_q2d(stream->time_base);
        } else if (input->duration != AV_NOPTS_VALUE) {
            info.duration = static_cast<double>(input->duration) / AV_TIME_BASE;
        }
    }

    // The next decoded frame into `frame`; false at the end.
    bool decode() {
        while (true) {
            const int status = avcodec_receive_frame(decoder.get(), frame.get());
            if (status == AVERROR_EOF) return false;
            if (status != AVERROR(EAGAIN)) {
                check_file(status, name, ": damaged after frame ", frames);
                return true;
            }
            feed();
        }
    }

    // Gives the decoder the next packet of the stream, or the end.
    void feed() {
        do {
            av_packet_unref(packet.get());
            const int status = av_read_frame(input.get(), packet.get());
            if (status == AVERROR_EOF) {
                check_file(avcodec_send_packet(decoder.get(), nullptr), name);
                return;
            }
            check_file(status, name, ": cannot read after frame ", frames);
        } while (packet->stream_index != stream->index);
        check_file(avcodec_send_packet(decoder.get(), packet.get()), name, ": damaged after frame ", frames);
    }

    void convert(Image& image) {
        const bool damaged = (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame->decode_error_flags != 0;
        require_valid(!damaged, name, ": frame ", frames, " is damaged");
        require_valid(frame->width == info.width && frame->height == info.height, name, ": frame ", frames, " is ",
                      frame->width, "x", frame->height, ", the video ", info.width, "x", info.height);
        if (image.width != info.width || image.height != info.height || image.samples != samples)
            image = Image(info.width, info.height, samples);
        if (frame->format == rgb_format(samples)) return copy_from_frame(*frame, image);
        if (converter == nullptr) start_converter();
        require_valid(frame->format == format, name, ": the pixel format changes at frame ", frames);
        check_av(sws_scale(converter.get(), frame->data, frame->linesize, 0, frame->height, rgb->data, rgb->linesize),
                 name, ": converting frame ", frames);
        copy_from_frame(*rgb, image);
    }

    void start_converter() {
        format = static_cast<AVPixelFormat>(frame->format);
        const PixelLayout from{format, is_full_range(*frame), frame->chroma_location};
        const bool assume_bt709 =
            frame->colorspace == AVCOL_SPC_UNSPECIFIED && std::string_view(input->iformat->name) == "yuv4mpegpipe";
        converter = make_converter(info.width, info.height, from, PixelLayout{rgb_format(samples)},
                                   assume_bt709 ? AVCOL_SPC_BT709 : frame->colorspace);
        rgb = make_frame(rgb_format(samples), info.width, info.height);
    }

    std::string name;  // for messages
    Samples samples;
    VideoInfo info;
    InputPtr input;
    AVStream* stream = nullptr;  // owned by input
    CodecPtr decoder;
    PacketPtr packet = make_packet();
    FramePtr frame = make_frame();
    ScalerPtr converter;  // made at the first frame, which knows the pixel format
    AVPixelFormat format = AV_PIX_FMT_NONE;
    FramePtr rgb;
    int64_t frames = 0;
    double time = 0;
};

VideoReader::VideoReader(const std::filesystem::path& path, Samples samples) {
    av_log_set_level(AV_LOG_FATAL);  // errors are thrown, with FFmpeg's words: its own lines would stand beside them
    impl_ = std::make_unique<Impl>(path, samples);
}

VideoReader::~VideoReader() = default;

const VideoInfo& VideoReader::info() const {
    return impl_->info;
}

double VideoReader::time() const {
    return impl_->time;
}

bool VideoReader::read(Image& image) {
    Impl& r = *impl_;
    if (!r.decode()) return false;
    r.convert(image);
    const int64_t stamp = r.frame->best_effort_timestamp;
    // A still image has no timestamp.
    r.time = stamp != AV_NOPTS_VALUE ? static_cast<double>(stamp) * av_q2d(r.stream->time_base)
                                     : static_cast<double>(r.frames) / (r.info.fps ? r.info.fps->value() : 1.0);
    ++r.frames;
    return true;
}

VideoInfo read_video_info(const std::filesystem::path& path) {
    return VideoReader(path).info();
}

Video read_video(const std::filesystem::path& path, Samples samples) {
    VideoReader reader(path, samples);
    Video video{reader.info(), {}, {}};
    Image image;
    while (reader.read(image)) {
        video.frames.push_back(image);
        video.times.push_back(reader.time());
    }
    return video;
}

}  // namespace t3video::media
