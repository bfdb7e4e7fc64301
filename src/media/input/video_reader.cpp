// Demuxing, decoding and conversion to RGB by FFmpeg's libraries.
#include "media/input/video_reader.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <string_view>
#include <vector>

#include "core/parallel.h"
#include "core/readable_bytes.h"
#include "media/ffmpeg.h"
#include "media/film_comment.h"
#include "media/input/container_end.h"
#include "media/input/film_reader.h"
#include "media/input/input_source.h"
#include "media/input/picture_file.h"
#include "media/input/rgb_converter.h"
#include "media/input/video_stream.h"
#include "media/y4m_writer.h"

namespace t3video::media {
namespace {

// What a colour profile says that decoders do not read: P3's primaries with sRGB's curve.
template <class Colours>
void set_display_p3(Colours& colours) {
    colours.color_primaries = AVCOL_PRI_SMPTE432;
    colours.color_trc = AVCOL_TRC_IEC61966_2_1;
}

}  // namespace

struct VideoReader::Impl {
    Impl(const std::filesystem::path& path, Samples wanted_samples, int64_t limit, Wanted wanted)
        : name(path.string()), samples(wanted_samples), memory(limit), source(path) {
        const bool looked_at = wanted == Wanted::picture || is_still_container(path);
        if (looked_at) use(look_at_picture(path));
        const AVInputFormat* kind = probe();
        still = picture.heif || is_still(*kind);
        if (still && !looked_at) use(look_at_picture(path));
        if (still) require_memory(source.bytes(), "its file");
        open(kind);
        open_decoder();
        describe();
    }

    void use(const PictureFile& found) {
        picture = found;
        source.end_at(found.bytes);
    }
    const AVInputFormat* probe() try { return source.probe(); } catch (const InvalidRequest&) {
        refuse_heif();
        throw;
    }
    void open(const AVInputFormat* kind) try {
        input = source.open(kind);
        find_streams();
    } catch (const InvalidRequest&) {
        refuse_heif();
        throw;
    }
    // FFmpeg's words for such a file would be those for a damaged one.
    void refuse_heif() const {
        const std::filesystem::path file = std::filesystem::path(name).filename();
        require_valid(!picture.heif, name, ": a HEIC or AVIF picture, which this FFmpeg does not read; convert it, as ",
                      "in: heif-convert ", file.string(), " ",
                      std::filesystem::path(file).replace_extension(".png").string());
    }

    template <class... Parts>
    void require_memory(int64_t needed, const Parts&... what) const {
        require_valid(needed <= memory, name, ": ", what..., " takes ", readable_bytes(needed), " to read, but ",
                      readable_bytes(memory, Rounded::down), " may be used; make it smaller, or allow more with ",
                      Field("memory"));
    }

    int64_t most_pixels() const {
        constexpr int64_t kLeast = 4;  // bytes of a pixel, decoded and in RGB
        return std::min<int64_t>((memory - (still ? source.bytes() : 0)) / kLeast, INT_MAX);
    }

    // Some decoders are run for this, before the size of their frames is known: it is bounded.
    void find_streams() {
        std::vector<AVDictionary*> options(input->nb_streams, nullptr);
        for (size_t i = 0; i < options.size(); ++i) {
            if (input->streams[i]->codecpar->codec_id == AV_CODEC_ID_MJPEG) continue;  // only its header is read
            av_dict_set_int(&options[i], "max_pixels", most_pixels(), 0);
        }
        const int status = avformat_find_stream_info(input.get(), options.empty() ? nullptr : options.data());
        for (AVDictionary*& each : options) av_dict_free(&each);
        check_file(status, name, ": cannot read the video's properties");
    }

    // The best one that is no cover of a song or a film.
    AVStream* find_video(const AVCodec** codec) const {
        const auto is_cover = [&](int i) {
            return (input->streams[i]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
        };
        const auto find = [&](int wanted) {
            return av_find_best_stream(input.get(), AVMEDIA_TYPE_VIDEO, wanted, -1, codec, 0);
        };
        int index = find(-1);
        for (int i = 0; index >= 0 && is_cover(index) && i < static_cast<int>(input->nb_streams); ++i) {
            if (!is_cover(i) && find(i) == i) index = i;
        }
        const bool none = index == AVERROR_STREAM_NOT_FOUND || (index >= 0 && is_cover(index)),
                   sound = av_find_best_stream(input.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0) >= 0;
        require_valid(!none || !sound, name, ": holds sound only", index >= 0 ? ", and a cover" : "");
        check_file(index, name, ": no video that can be decoded");
        return input->streams[index];
    }

    void open_decoder() {
        const AVCodec* codec = nullptr;
        stream = find_video(&codec);
        codec = decoder_for(codec, *stream, name);
        if (picture.display_p3) set_display_p3(*stream->codecpar);
        decoder.reset(avcodec_alloc_context3(codec));
        require(decoder != nullptr, "out of memory for the decoder");
        check_av(avcodec_parameters_to_context(decoder.get(), stream->codecpar), name);
        decoder->pkt_timebase = stream->time_base;
        const AVCodecParameters& parameters = *stream->codecpar;
        if (parameters.width <= 0 || parameters.height <= 0) refuse_without_size(*codec);
        require_valid(
            !picture.heif || (parameters.width == picture.coded_width && parameters.height == picture.coded_height),
            name, ": FFmpeg reads ", parameters.width, "x", parameters.height, " pixels of a picture of ",
            picture.coded_width, "x", picture.coded_height, "; convert it to PNG first");
        constexpr int kMostThreads = 4;  // each holds a frame
        decoder->thread_count = still ? 1 : std::min(available_threads(), kMostThreads);
        // A frame later on is not to be larger than what was found; sides are padded to whole blocks and,
        // by decoders of MPEG-2, MPEG-4 and their like, with borders to point to.
        constexpr int64_t kBlock = 256;
        decoder->max_pixels = (parameters.width + kBlock) * (parameters.height + kBlock);
        bytes = bytes_of_reading(parameters, source.bytes(), still, decoder->thread_count, samples);
        require_memory(bytes, parameters.width, "x", parameters.height, " pixels");
        check_av(avcodec_open2(decoder.get(), codec, nullptr), name, ": cannot open decoder ", codec->name);
    }

    void describe() {
        const AVCodecParameters& parameters = *stream->codecpar;
        info.width = parameters.width;
        info.height = parameters.height;
        info.still = still;
        info.codec = avcodec_get_name(parameters.codec_id);
        info.pixels = pixels_of(parameters);
        info.tags = tags_of(parameters);
        info.fps = rate_of(name, *input, *stream);
        const AVDictionaryEntry* comment = av_dict_get(input->metadata, "comment", nullptr, 0);
        if (comment != nullptr) info.comment = comment->value;
        const AVRational aspect = av_guess_sample_aspect_ratio(input.get(), stream, nullptr);
        info.pixel_aspect = picture.pixel_aspect.value_or(plausible_aspect(aspect.num, aspect.den));
        info.orientation = picture.orientation;
        const int32_t* matrix = display_matrix_of(*stream);
        if (!still && matrix != nullptr) {
            require_valid(is_quarter_turn(matrix[0], matrix[1], matrix[3], matrix[4]), name,
                          ": a display matrix that is no quarter turn; turn the frames themselves, as ffmpeg does: ",
                          "ffmpeg -i ", std::filesystem::path(name).filename().string(), " turned.mp4");
            info.orientation = orientation_of_matrix(matrix[0], matrix[1], matrix[3], matrix[4]);
        }
        converter = std::make_unique<RgbConverter>(
            FrameOrigin{name, still, std::string_view(input->iformat->name) == "yuv4mpegpipe" && is_own_y4m(name),
                        picture.premultiplied, parameters.codec_id},
            samples);
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
            if (status == AVERROR_EOF) {
                require_whole();
                return false;
            }
            if (status != AVERROR(EAGAIN)) {
                check_data(status);
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
                check_data(avcodec_send_packet(decoder.get(), nullptr));
                return;
            }
            check_data(status);
        } while (packet->stream_index != stream->index);
        packets_end = std::max(packets_end, packet->pos + packet->size);
        check_data(avcodec_send_packet(decoder.get(), packet.get()));
    }
    void check_data(int status) const {
        if (status >= 0) return;
        require_valid(!still, name, ": damaged, or of a kind that this FFmpeg does not decode (", error_text(status),
                      "); convert it to PNG");
        check_file(status, name, ": damaged after frame ", frames, of_stated_frames(),
                   ", or its download is not complete");
    }

    std::string of_stated_frames() const {
        const int64_t stated = stated_frames(*input, *stream, info.fps);
        return stated > frames ? concat(" of about ", stated) : "";
    }

    // At the end of a video: most demuxers take the end of a file that was cut for the end of the film.
    void require_whole() const {
        if (still) return;
        const bool y4m = std::string_view(input->iformat->name) == "yuv4mpegpipe";
        require_valid(!y4m || packets_end == 0 || packets_end == source.bytes(), name, ": cut in the middle of frame ",
                      frames);
        if (end_of_video(name) != FileEnd::cut) return;
        const int64_t stated = stated_frames(*input, *stream, info.fps);
        if (stated > 0 && frames >= stated) return;  // what is missing is sound, or an index
        throw InvalidRequest(concat(name, ": damaged, or its download is not complete: ", frames, " frames",
                                    of_stated_frames(), " are there"));
    }

    // Why the size of its pictures is not known. Of one picture the decoder says it: too large is its one wrong
    // argument.
    void refuse_without_size(const AVCodec& codec) {
        const std::string limit =
            memory == std::numeric_limits<int64_t>::max() ? "" : concat(" for ", memory >> 20, " MiB");
        if (still) {
            decoder->max_pixels = most_pixels();
            check_av(avcodec_open2(decoder.get(), &codec, nullptr), name, ": cannot open decoder ", codec.name);
            int status = av_read_frame(input.get(), packet.get());
            if (status >= 0) status = avcodec_send_packet(decoder.get(), packet.get());
            if (status >= 0) status = avcodec_receive_frame(decoder.get(), frame.get());
            require_valid(status != AVERROR(EINVAL), name, ": a picture too large", limit);
            check_data(status < 0 ? status : AVERROR_INVALIDDATA);
        }
        throw InvalidRequest(concat(name, ": no picture size found, or pictures too large", limit));
    }

    // A frame, and from when to when it is shown, in seconds of the file.
    struct Moment {
        FramePtr frame = make_frame();
        double begin = 0, end = 0;
    };

    // The next frame whole and of the video's size; false at the end.
    bool take(Moment& moment) {
        if (!decode()) return false;
        const bool damaged = (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame->decode_error_flags != 0;
        require_valid(!damaged, name, ": frame ", frames, " is damaged");
        require_valid(frame->width == info.width && frame->height == info.height, name, ": frame ", frames, " is ",
                      frame->width, "x", frame->height, ", the video ", info.width, "x", info.height);
        if (picture.display_p3) set_display_p3(*frame);
        const int64_t stamp = frame->best_effort_timestamp;
        const double unit = av_q2d(stream->time_base), usual = info.fps ? 1 / info.fps->value() : 1.0;
        // A still image has no timestamp.
        moment.begin =
            stamp != AV_NOPTS_VALUE ? static_cast<double>(stamp) * unit : static_cast<double>(frames) * usual;
        const int64_t stated = duration_of(*frame);
        moment.end = moment.begin + (stated > 0 ? static_cast<double>(stated) * unit : usual);
        av_frame_unref(moment.frame.get());
        av_frame_move_ref(moment.frame.get(), frame.get());
        ++frames;
        return true;
    }

    // The next frame in RGB; null at the end.
    const AVFrame* next() {
        if (rate > 0) return next_sample();
        if (!take(shown)) return nullptr;
        time = shown.begin;
        return &converter->convert(*shown.frame);
    }

    const AVFrame* next_sample() {
        if (sampled == 0) {
            if (!take(shown)) return nullptr;
            begin = shown.begin;
            has_coming = take(coming);
        }
        const double at = begin + static_cast<double>(sampled) / rate;
        while (has_coming && counts_at(at)) {
            std::swap(shown, coming);
            rgb = nullptr;
            has_coming = take(coming);
        }
        if (!has_coming && sampled > 0 && at > std::max(shown.end, stated_end()) - 0.5 / rate) return nullptr;
        ++sampled;
        time = shown.begin;
        if (rgb == nullptr) rgb = &converter->convert(*shown.frame);
        return rgb;
    }

    // Whether the frame to come is shown then rather than the one before it; VideoReader::sample_at says why.
    bool counts_at(double at) const {
        const double late = coming.begin - at;
        return late <= std::min((at - shown.begin) / 2, 0.5 / rate);
    }

    // When the stream ends as far as its container knows; a guess by its size and bit rate does not count.
    double stated_end() const {
        const bool known = stream->duration != AV_NOPTS_VALUE && stream->start_time != AV_NOPTS_VALUE &&
                           input->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE;
        return known ? static_cast<double>(stream->start_time + stream->duration) * av_q2d(stream->time_base) : 0;
    }

    std::string name;  // for messages
    Samples samples;
    int64_t memory, bytes = 0;
    bool still = false;  // a picture
    PictureFile picture;
    VideoInfo info;
    InputSource source;  // outlives what reads it
    InputPtr input;
    AVStream* stream = nullptr;  // owned by input
    CodecPtr decoder;
    PacketPtr packet = make_packet();
    FramePtr frame = make_frame();
    std::unique_ptr<RgbConverter> converter;
    Moment shown, coming;
    bool has_coming = false;
    const AVFrame* rgb = nullptr;                      // `shown` converted, while frames are sampled
    double rate = 0, begin = 0;                        // of sampling, if any
    int64_t frames = 0, sampled = 0, packets_end = 0;  // the latter in bytes of the file
    double time = 0;
};

VideoReader::VideoReader(const std::filesystem::path& path, Samples samples, int64_t memory, Wanted wanted) {
    quiet_ffmpeg();
    impl_ = std::make_unique<Impl>(path, samples, memory, wanted);
}

VideoReader::~VideoReader() = default;

const VideoInfo& VideoReader::info() const {
    return impl_->info;
}

void VideoReader::sample_at(double fps) {
    impl_->rate = fps;
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
