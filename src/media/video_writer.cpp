// RGB to BT.709 by swscale, one of the encoders, mp4/mkv/mov by libavformat.
#include "media/video_writer.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/output_file.h"
#include "media/container.h"
#include "media/encoders.h"
#include "media/sound_track.h"

namespace t3video::media {
namespace {

struct Container {
    std::string_view extension, muxer;
};
constexpr std::array<Container, 3> kContainers = {{{".mp4", "mp4"}, {".mkv", "matroska"}, {".mov", "mov"}}};

const Container& container_of(const std::filesystem::path& path) {
    const std::string extension = extension_of(path);
    const auto found = std::find_if(kContainers.begin(), kContainers.end(),
                                    [&](const Container& container) { return container.extension == extension; });
    require_valid(found != kContainers.end(), path.string(), ": ",
                  extension.empty() ? "no extension" : "unknown extension '" + extension + "'",
                  "; expected .mp4, .mkv or .mov");
    return *found;
}

bool wants_global_header(const AVFormatContext& output) {
    return (output.oformat->flags & AVFMT_GLOBALHEADER) != 0;
}

// The stream, which `output` owns.
AVStream* add_stream(AVFormatContext& output, const AVCodecContext& encoder, const FilmFormat& format,
                     const std::string& comment, const std::string& name) {
    AVStream* stream = avformat_new_stream(&output, nullptr);
    require(stream != nullptr, name, ": out of memory for a stream");
    check_av(avcodec_parameters_from_context(stream->codecpar, &encoder), name);
    const std::string_view muxer = output.oformat->name;
    // The tag under which Apple's players know HEVC.
    if (format.codec == Codec::hevc && muxer != "matroska") stream->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');
    if (muxer == "matroska") output.flags |= AVFMT_FLAG_BITEXACT;  // no random numbers in the file
    if (!comment.empty()) check_av(av_dict_set(&output.metadata, "comment", comment.c_str(), 0), name);
    stream->time_base = encoder.time_base;
    stream->avg_frame_rate = encoder.framerate;
    return stream;
}

int write_header(AVFormatContext& output) {
    AVDictionary* options = nullptr;
    av_dict_set(&options, "movflags", "+faststart", 0);  // the index first, so that playing can start at once
    const int status = avformat_write_header(&output, &options);
    av_dict_free(&options);  // holds what the muxer did not know: mkv has no such option
    return status;
}

}  // namespace

OutputPtr make_output(const std::filesystem::path& path, const std::string& url) {
    AVFormatContext* raw = nullptr;
    check_av(avformat_alloc_output_context2(&raw, nullptr, container_of(path).muxer.data(), url.c_str()),
             path.string());
    return OutputPtr(raw);
}

bool has_video_support() {
    return true;
}

void check_video(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps,
                 const VideoOptions& options) {
    quiet_ffmpeg();
    const FilmFormat format = film_format(path, options);
    VideoOptions small = options;
    small.threads = 1;  // each would take memory
    const OutputPtr output = make_output(path, "");
    const CodecPtr encoder = open_encoder(format, width, height, fps, small, wants_global_header(*output));
    add_stream(*output, *encoder, format, options.comment, path.string());
    check_av(avio_open_dyn_buf(&output->pb), path.string());
    const int status = write_header(*output);
    uint8_t* header = nullptr;
    avio_close_dyn_buf(std::exchange(output->pb, nullptr), &header);
    av_free(header);
    release_unused(*encoder);
    require_valid(status >= 0, path.string(), ": ", extension_of(path), " files do not take ", name_of(format.codec),
                  " of ", width, "x", height, " at ", fps, " fps (", error_text(status),
                  "); try .mkv, or a folder of PNGs");
}

std::unique_ptr<FrameWriter> open_video(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps,
                                        const VideoOptions& options) {
    return std::make_unique<VideoWriter>(path, width, height, fps, options);
}

struct VideoWriter::Impl {
    Impl(const std::filesystem::path& path, int64_t width, int64_t height, const FrameRate& fps,
         const FilmFormat& format, const VideoOptions& options)
        : name(path.string()), file(path, options.owner) {
        const std::string url = "file:" + file.path().string();  // the prefix keeps a ':' in the name harmless
        output = make_output(path, url);
        encoder = open_encoder(format, width, height, fps, options, wants_global_header(*output));
        const PixelLayout from{rgb_format(format.samples), true};
        const PixelLayout to{encoder->pix_fmt, false, encoder->chroma_sample_location};
        rgb = make_frame(from.format, width, height);
        yuv = make_frame(to.format, width, height);
        yuv->color_primaries = encoder->color_primaries;
        yuv->color_trc = encoder->color_trc;
        yuv->colorspace = encoder->colorspace;
        yuv->color_range = encoder->color_range;
        converter = make_converter(width, height, from, to, encoder->colorspace);
        stream = add_stream(*output, *encoder, format, options.comment, name);
        if (!options.sound.empty()) {
            sound = std::make_unique<SoundTrack>(options.sound);
            require(sound->codec() != nullptr, options.sound.string(), ": has no sound");
            sound->add_to(*output);
        }
        check_av(avio_open(&output->pb, url.c_str(), AVIO_FLAG_WRITE), "cannot write ", file.path().string());
        check_av(write_header(*output), "cannot write ", file.path().string());
    }
    ~Impl() {
        if (encoder && frames == 0) release_unused(*encoder);
    }

    double seconds() const { return static_cast<double>(frames) * av_q2d(encoder->time_base); }

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
    std::unique_ptr<SoundTrack> sound;
    int64_t frames = 0;
    bool finished = false, closed = false;
};

VideoWriter::VideoWriter(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps,
                         const VideoOptions& options) {
    container_of(path);
    const FilmFormat format = film_format(path, options);
    check_size(format, width, height);
    check_writable(path);
    quiet_ffmpeg();
    impl_ = std::make_unique<Impl>(path, width, height, fps, format, options);
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const Image& image) {
    Impl& w = *impl_;
    require(!w.finished, w.name, ": frame after finish()");
    copy_to_frame(image, *w.rgb);
    check_av(av_frame_make_writable(w.yuv.get()), w.name);  // the encoder may still hold the last one
    check_av(sws_scale(w.converter.get(), w.rgb->data, w.rgb->linesize, 0, w.rgb->height, w.yuv->data, w.yuv->linesize),
             w.name, ": converting frame ", w.frames);
    w.yuv->pts = w.frames;
    w.encode(w.yuv.get());
    ++w.frames;
    if (w.sound) w.sound->write_until(w.seconds(), *w.output);
}

void VideoWriter::finish() {
    Impl& w = *impl_;
    if (w.finished) return;
    require(w.frames > 0, w.name, ": a video needs at least one frame");
    w.encode(nullptr);
    if (w.sound) w.sound->write_rest(w.seconds(), *w.output);
    check_av(av_write_trailer(w.output.get()), "cannot finish ", w.file.path().string());
    check_av(avio_closep(&w.output->pb), "cannot finish ", w.file.path().string());
    w.finished = true;
}

std::vector<const PartialFile*> VideoWriter::files() const {
    return {&impl_->file};
}

void VideoWriter::close() {
    Impl& w = *impl_;
    if (w.closed) return;
    finish();
    w.file.commit();
    w.closed = true;
}

int64_t VideoWriter::frames() const {
    return impl_->frames;
}

}  // namespace t3video::media
