// Demuxing, decoding and conversion to RGB by FFmpeg's libraries.
#include "media/video_reader.h"

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>
#include <vector>

#include "core/input_file.h"
#include "core/parallel.h"
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

// ProRes holds video range alone (SMPTE RDD 36) and a .mov does not say so; FFmpeg 7 tells it of frames only.
AVColorRange range_of(const AVCodecParameters& stream) {
    const bool implied = stream.codec_id == AV_CODEC_ID_PRORES && stream.color_range == AVCOL_RANGE_UNSPECIFIED;
    return implied ? AVCOL_RANGE_MPEG : stream.color_range;
}

ColorTags tags_of(const AVCodecParameters& stream) {
    return {text_or_unknown(av_color_primaries_name(stream.color_primaries)),
            text_or_unknown(av_color_transfer_name(stream.color_trc)),
            text_or_unknown(av_color_space_name(stream.color_space)),
            text_or_unknown(av_color_range_name(range_of(stream)))};
}

bool is_full_range(const AVFrame& frame) {
    const auto format = static_cast<AVPixelFormat>(frame.format);
    const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
    require(description != nullptr, "unknown pixel format ", frame.format);
    const bool is_jpeg =
        format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P;
    return is_jpeg || frame.color_range == AVCOL_RANGE_JPEG || (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
}

// What reading takes: of a picture its file, as one packet, and the frame; of a video the frames that the decoder
// keeps, those under way in its threads, and as much again for packets and tables; and one frame in RGB.
int64_t bytes_of_reading(const AVCodecParameters& stream, int64_t file_bytes, bool still, int threads,
                         Samples samples) {
    constexpr int64_t kMostOfAPixel = 8;
    const int64_t pixels = int64_t{stream.width} * stream.height, rgb = 3 * pixels * bytes_of(samples);
    const int stated =
        av_image_get_buffer_size(static_cast<AVPixelFormat>(stream.format), stream.width, stream.height, 64);
    const int64_t decoded = stated > 0 ? stated : pixels * kMostOfAPixel;
    if (still) {
        const bool coefficients = stream.codec_id == AV_CODEC_ID_MJPEG;  // progressive files keep them, of 16 bits
        return file_bytes + (coefficients ? 3 : 2) * decoded + rgb;
    }
    const AVCodecDescriptor* codec = avcodec_descriptor_get(stream.codec_id);
    const bool alone = codec != nullptr && (codec->props & AV_CODEC_PROP_INTRA_ONLY) != 0;
    constexpr int64_t kAtHand = 2, kReferences = 8;
    return (kAtHand + threads + (alone ? 0 : kReferences)) * decoded + rgb;
}

}  // namespace

// Bytes that FFmpeg reads, of a file that it does not open itself: names in it have no meaning.
class VideoReader::Source {
  public:
    explicit Source(const std::filesystem::path& path) : file_(path, "a video or image") {
        constexpr int kBuffer = 1 << 15;
        auto* buffer = static_cast<unsigned char*>(av_malloc(kBuffer));
        io_ = avio_alloc_context(buffer, kBuffer, 0, this, read, nullptr, seek);
        require(buffer != nullptr && io_ != nullptr, "out of memory for a file's buffer");
    }
    ~Source() {
        av_freep(&io_->buffer);
        avio_context_free(&io_);
    }
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    AVIOContext* io() { return io_; }
    bool begins_with(std::string_view text) {
        const std::string head = file_.read(text.size());
        file_.seek(0);
        return head == text;
    }
    int64_t bytes() const { return file_.bytes(); }

  private:
    // No exception may pass through FFmpeg.
    static int read(void* self, uint8_t* to, int count) {
        Source& source = *static_cast<Source*>(self);
        try {
            const size_t read = source.file_.read(reinterpret_cast<char*>(to), static_cast<size_t>(count));
            source.at_ += static_cast<int64_t>(read);
            return read == 0 ? AVERROR_EOF : static_cast<int>(read);
        } catch (const std::exception&) {
            return AVERROR(EIO);
        }
    }
    static int64_t seek(void* self, int64_t offset, int whence) {
        Source& source = *static_cast<Source*>(self);
        whence &= ~AVSEEK_FORCE;
        if (whence == AVSEEK_SIZE) return source.bytes();
        const int64_t to = offset + (whence == SEEK_CUR ? source.at_ : whence == SEEK_END ? source.bytes() : 0);
        try {
            source.file_.seek(to);
            return source.at_ = to;
        } catch (const std::exception&) {
            return AVERROR(EIO);
        }
    }

    InputFile file_;
    int64_t at_ = 0;
    AVIOContext* io_ = nullptr;
};

struct VideoReader::Impl {
    Impl(const std::filesystem::path& path, Samples wanted, int64_t limit)
        : name(path.string()), samples(wanted), memory(limit), source(path) {
        require_no_list(source.begins_with("#EXTM3U") ? "hls" : "");  // which FFmpeg 7 knows by its extension only
        const AVInputFormat* kind = nullptr;
        check_file(av_probe_input_buffer2(source.io(), &kind, "", nullptr, 0, 0), name, ": not a video or image file");
        require_no_list(kind->name);
        still = std::string_view(kind->name).ends_with("_pipe");
        if (still) require_room(source.bytes(), "its file");
        AVFormatContext* raw = avformat_alloc_context();
        require(raw != nullptr, "out of memory for a reader");
        raw->pb = source.io();
        raw->io_open = [](AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EPERM); };
        AVDictionary* options = nullptr;
        av_dict_set(&options, "protocol_whitelist", "none", 0);            // for what opens files in other ways
        const int status = avformat_open_input(&raw, "", kind, &options);  // frees it where it fails
        av_dict_free(&options);
        check_file(status, name, ": not a video or image file");
        input.reset(raw);
        find_streams();
        open_decoder();
    }

    void require_no_list(std::string_view kind) const {
        constexpr std::array<std::string_view, 8> kLists = {"hls",  "dash", "concat", "sdp",
                                                            "rtsp", "rtp",  "imf",    "webm_dash_manifest"};
        require_valid(std::ranges::find(kLists, kind) == kLists.end(), name, ": is a list of other files (", kind,
                      "), which are not followed; give the video itself");
    }

    template <class... Parts>
    void require_room(int64_t needed, const Parts&... what) const {
        require_valid(needed <= memory, name, ": ", what..., " takes ", (needed >> 20) + 1, " MiB to read, but ",
                      memory >> 20, " MiB may be used; make it smaller, or allow more with ", Field("memory"));
    }

    // Some decoders are run for this, before the size of their frames is known: it is bounded.
    void find_streams() {
        constexpr int64_t kLeast = 4;  // bytes of a pixel, decoded and in RGB
        const int64_t most = (memory - (still ? source.bytes() : 0)) / kLeast;
        std::vector<AVDictionary*> options(input->nb_streams, nullptr);
        for (size_t i = 0; i < options.size(); ++i) {
            if (input->streams[i]->codecpar->codec_id == AV_CODEC_ID_MJPEG) continue;  // only its header is read
            av_dict_set_int(&options[i], "max_pixels", std::min<int64_t>(most, INT_MAX), 0);
        }
        const int status = avformat_find_stream_info(input.get(), options.empty() ? nullptr : options.data());
        for (AVDictionary*& each : options) av_dict_free(&each);
        check_file(status, name, ": cannot read the video's properties");
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
        const AVCodecParameters& parameters = *stream->codecpar;
        require_valid(parameters.width > 0 && parameters.height > 0, name, ": no picture size found",
                      memory == std::numeric_limits<int64_t>::max()
                          ? ""
                          : concat(", or pictures too large for ", memory >> 20, " MiB"));
        constexpr int kMostThreads = 4;  // each holds a frame
        decoder->thread_count = still ? 1 : std::min(available_threads(), kMostThreads);
        // A frame later on is not to be larger than what was found; sides are padded to whole blocks.
        constexpr int64_t kBlock = 128;
        decoder->max_pixels = (parameters.width + kBlock) * (parameters.height + kBlock);
        bytes = bytes_of_reading(parameters, source.bytes(), still, decoder->thread_count, samples);
        require_room(bytes, parameters.width, "x", parameters.height, " pixels");
        check_av(avcodec_open2(decoder.get(), codec, nullptr), name, ": cannot open decoder ", codec->name);

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

    // The decoded frame in RGB.
    const AVFrame& converted() {
        const bool damaged = (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame->decode_error_flags != 0;
        require_valid(!damaged, name, ": frame ", frames, " is damaged");
        require_valid(frame->width == info.width && frame->height == info.height, name, ": frame ", frames, " is ",
                      frame->width, "x", frame->height, ", the video ", info.width, "x", info.height);
        if (frame->format == rgb_format(samples)) return *frame;
        if (converter == nullptr) start_converter();
        require_valid(frame->format == format, name, ": the pixel format changes at frame ", frames);
        check_av(sws_scale(converter.get(), frame->data, frame->linesize, 0, frame->height, rgb->data, rgb->linesize),
                 name, ": converting frame ", frames);
        return *rgb;
    }

    // The next frame in RGB; null at the end.
    const AVFrame* next() {
        if (!decode()) return nullptr;
        const AVFrame& found = converted();
        const int64_t stamp = frame->best_effort_timestamp;
        // A still image has no timestamp.
        time = stamp != AV_NOPTS_VALUE ? static_cast<double>(stamp) * av_q2d(stream->time_base)
                                       : static_cast<double>(frames) / (info.fps ? info.fps->value() : 1.0);
        ++frames;
        return &found;
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
    int64_t memory, bytes = 0;
    bool still = false;  // a picture
    VideoInfo info;
    Source source;  // outlives what reads it
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

VideoReader::VideoReader(const std::filesystem::path& path, Samples samples, int64_t memory) {
    quiet_ffmpeg();
    impl_ = std::make_unique<Impl>(path, samples, memory);
}

VideoReader::~VideoReader() = default;

const VideoInfo& VideoReader::info() const {
    return impl_->info;
}

double VideoReader::time() const {
    return impl_->time;
}

int64_t VideoReader::bytes() const {
    return impl_->bytes;
}

bool VideoReader::read(Image& image) {
    const AVFrame* frame = impl_->next();
    if (frame == nullptr) return false;
    const VideoInfo& found = info();
    if (image.width != found.width || image.height != found.height || image.samples != impl_->samples)
        image = Image(found.width, found.height, impl_->samples);
    copy_from_frame(*frame, image);
    return true;
}

bool VideoReader::read(const std::function<void(const uint8_t* row)>& sink) {
    const AVFrame* frame = impl_->next();
    if (frame == nullptr) return false;
    for (int64_t y = 0; y < frame->height; ++y) sink(frame->data[0] + y * frame->linesize[0]);
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
