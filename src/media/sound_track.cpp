// Stream copies by libavformat.
#include "media/sound_track.h"

#include <algorithm>
#include <cmath>

#include "media/container.h"
#include "media/film_format.h"
#include "media/input/video_reader.h"
#include "media/sound.h"

namespace t3video::media {
namespace {

double time_of_first_frame(const std::filesystem::path& file) {
    VideoReader reader(file);
    require_valid(reader.read([](const uint8_t*) {}), file.string(), ": holds no frames");
    return reader.time();
}

bool is_pcm(AVCodecID codec) {
    return codec >= AV_CODEC_ID_FIRST_AUDIO && codec < AV_CODEC_ID_ADPCM_IMA_QT;
}

// Decoders would leave out as much of the first packet as they were to of the stream's own first one, which is left
// out, and readers of .mkv files set the times of all back by that.
void begin_in_midst(AVCodecParameters& codec) {
    constexpr int kPreSkip = 10;  // in Opus' header, RFC 7845: 16 bits
    codec.initial_padding = 0;
    if (codec.codec_id == AV_CODEC_ID_OPUS && codec.extradata_size >= kPreSkip + 2)
        std::fill_n(codec.extradata + kPreSkip, 2, uint8_t{0});
}

// Whether a file of the container can begin with such a stream.
bool takes(const std::filesystem::path& output, SoundTrack& sound) {
    const OutputPtr file = make_output(output, "");
    if (avformat_query_codec(file->oformat, sound.codec()->codec_id, FF_COMPLIANCE_NORMAL) != 1) return false;
    sound.add_to(*file);
    check_av(avio_open_dyn_buf(&file->pb), output.string());
    const int status = avformat_write_header(file.get(), nullptr);
    uint8_t* header = nullptr;
    avio_close_dyn_buf(std::exchange(file->pb, nullptr), &header);
    av_free(header);
    return status >= 0;
}

}  // namespace

Message sound_obstacle(const std::filesystem::path& input, const std::filesystem::path& output) {
    quiet_ffmpeg();
    SoundTrack sound(input);
    if (sound.codec() == nullptr) return Message(input.string(), " has none");
    const OutputKind kind = output_kind(output);
    if (kind == OutputKind::y4m) return Message(".y4m files hold none");
    if (kind != OutputKind::video) return Message("pictures have none");
    if (takes(output, sound)) return {};
    return Message(extension_of(output), " files do not take ", avcodec_get_name(sound.codec()->codec_id),
                   ", which that of ", input.string(), " is in", takes("a.mkv", sound) ? "; .mkv files do" : "");
}

SoundTrack::SoundTrack(const std::filesystem::path& file)
    : name_(file.string()), first_frame_(time_of_first_frame(file)), source_(file) {
    input_ = source_.open(source_.probe());
    check_file(avformat_find_stream_info(input_.get(), nullptr), name_, ": cannot read the sound's properties");
    const int index = av_find_best_stream(input_.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
    for (unsigned i = 0; i < input_->nb_streams; ++i)
        input_->streams[i]->discard = static_cast<int>(i) == index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    if (index >= 0 && input_->streams[index]->codecpar->sample_rate > 0) stream_ = input_->streams[index];
}

void SoundTrack::add_to(AVFormatContext& output) {
    output_ = avformat_new_stream(&output, nullptr);
    require(output_ != nullptr, name_, ": out of memory for a stream");
    check_av(avcodec_parameters_copy(output_->codecpar, stream_->codecpar), name_);
    output_->codecpar->codec_tag = 0;  // which means something else in another container
    output_->time_base = {1, stream_->codecpar->sample_rate};
    if (const AVDictionaryEntry* language = av_dict_get(stream_->metadata, "language", nullptr, 0))
        check_av(av_dict_set(&output_->metadata, "language", language->value, 0), name_);
    output.max_interleave_delta = 0;  // encoders look ahead for longer than FFmpeg would wait
    // Decoders of compressed sound want a packet or two in front of what is heard, which MP4's edit lists hide; other
    // containers would have the film begin later.
    constexpr double kLeadIn = 0.1;
    const bool hides = (output.oformat->flags & AVFMT_TS_NEGATIVE) != 0 && !is_pcm(stream_->codecpar->codec_id);
    earliest_ = hides ? -kLeadIn : 0;
    if (!hides) begin_in_midst(*output_->codecpar);
}

bool SoundTrack::fetch() {
    while (!waiting_) {
        av_packet_unref(packet_.get());
        if (av_read_frame(input_.get(), packet_.get()) < 0) return false;
        if (packet_->stream_index != stream_->index || packet_->size == 0) continue;
        const AVRational samples{1, stream_->codecpar->sample_rate};
        if (packet_->duration <= 0)
            packet_->duration = av_rescale_q(av_get_audio_frame_duration2(stream_->codecpar, packet_->size), samples,
                                             stream_->time_base);
        if (packet_->pts == AV_NOPTS_VALUE) packet_->pts = packet_->dts != AV_NOPTS_VALUE ? packet_->dts : next_stamp_;
        packet_->dts = packet_->pts;
        next_stamp_ = packet_->pts + packet_->duration;
        if (is_pcm(stream_->codecpar->codec_id)) cut_samples(0, HUGE_VAL);
        const bool in_time = earliest_ < 0 ? begin() >= earliest_ : begin() > -0.5 * av_q2d(stream_->time_base);
        waiting_ = in_time && packet_->size > 0;
    }
    return true;
}

// Of a packet of PCM leaves those samples that lie between the two times.
void SoundTrack::cut_samples(double from, double to) {
    const AVCodecParameters& codec = *stream_->codecpar;
    const int block = av_get_bits_per_sample(codec.codec_id) * codec.ch_layout.nb_channels / 8;  // of all channels
    if (block <= 0) return;
    const int64_t all = packet_->size / block;
    const double first = begin(), rate = codec.sample_rate;
    const auto sample_at = [&](double time) {
        return static_cast<int64_t>(std::clamp(std::round((time - first) * rate), 0.0, static_cast<double>(all)));
    };
    const int64_t left = sample_at(from), kept = sample_at(to) - left;
    if (kept == all) return;
    packet_->data += left * block;
    packet_->size = static_cast<int>(kept * block);
    const AVRational samples{1, codec.sample_rate};
    packet_->pts += av_rescale_q(left, samples, stream_->time_base);
    packet_->dts = packet_->pts;
    packet_->duration = av_rescale_q(kept, samples, stream_->time_base);
}

void SoundTrack::write(AVFormatContext& output) {
    waiting_ = false;
    if (packet_->size == 0) return;
    const AVRational samples{1, stream_->codecpar->sample_rate};
    const int64_t offset = std::llround(first_frame_ / av_q2d(stream_->time_base));
    const auto length =
        static_cast<int>(std::max<int64_t>(1, av_rescale_q(packet_->duration, stream_->time_base, samples)));
    // Times in whole milliseconds, as .mkv files have them, become whole samples again.
    packet_->dts = packet_->pts =
        av_rescale_delta(stream_->time_base, packet_->pts - offset, samples, length, &rescaled_, output_->time_base);
    packet_->duration = std::max<int64_t>(1, av_rescale_q(length, samples, output_->time_base));
    packet_->stream_index = output_->index;
    packet_->pos = -1;
    check_av(av_interleaved_write_frame(&output, packet_.get()), "cannot write the sound of ", name_);
}

void SoundTrack::write_until(double time, AVFormatContext& output) {
    while (fetch() && end() <= time) write(output);
}

void SoundTrack::write_rest(double film_end, AVFormatContext& output) {
    while (fetch() && begin() < film_end) {
        if (is_pcm(stream_->codecpar->codec_id)) cut_samples(0, film_end);
        const auto left = static_cast<int64_t>(std::ceil((film_end - begin()) / av_q2d(stream_->time_base)));
        packet_->duration = std::min(packet_->duration, left);
        write(output);
    }
}

}  // namespace t3video::media
