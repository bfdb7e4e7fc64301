// What containers and codecs state, and what the times of frames are.
#include "media/input/video_stream.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>

#include "media/input/input_source.h"
#include "media/input/rgb_converter.h"

namespace t3video::media {
namespace {

std::string text_or_unknown(const char* text) {
    return text != nullptr ? text : "unknown";
}

// ProRes holds video range alone (SMPTE RDD 36) and a .mov does not say so; FFmpeg 7 tells it of frames only.
AVColorRange range_of(const AVCodecParameters& stream) {
    const bool implied = stream.codec_id == AV_CODEC_ID_PRORES && stream.color_range == AVCOL_RANGE_UNSPECIFIED;
    return implied ? AVCOL_RANGE_MPEG : stream.color_range;
}

// Of a .mkv file FFmpeg takes the rate that it states for the mean, whatever the times of its frames: here is the mean
// of the first ones, which are not decoded; none where it is the stated rate up to the rounding of times.
std::optional<AVRational> counted_rate(const std::string& file, const AVInputFormat& kind, const AVStream& like) {
    constexpr int64_t kMost = 1000;
    constexpr double kNear = 0.01, kRoundings = 2;
    if (!std::string_view(kind.name).starts_with("matroska")) return std::nullopt;
    InputSource source(file);
    const InputPtr input = source.open(&kind);
    int64_t frames = 0, first = INT64_MAX, last = INT64_MIN, end = INT64_MIN;
    for (const PacketPtr packet = make_packet(); frames < kMost && av_read_frame(input.get(), packet.get()) >= 0;
         av_packet_unref(packet.get())) {
        if (packet->stream_index != like.index || packet->pts == AV_NOPTS_VALUE) continue;
        ++frames;
        first = std::min(first, packet->pts);
        last = std::max(last, packet->pts);
        end = std::max(end, packet->pts + packet->duration);
    }
    if (frames < 2 || last <= first) return std::nullopt;
    const double span = static_cast<double>(last - first), unit = av_q2d(like.time_base),
                 stated = static_cast<double>(frames - 1) / av_q2d(like.avg_frame_rate) / unit;
    if (like.avg_frame_rate.num > 0 && std::abs(span - stated) <= kNear * stated + kRoundings) return std::nullopt;
    AVRational mean{};
    // As FFmpeg counts of .mp4 files: all frames by all of the time.
    const bool all = frames < kMost;
    av_reduce(&mean.num, &mean.den, (all ? frames : frames - 1) * like.time_base.den,
              ((all ? end : last) - first) * like.time_base.num, INT_MAX);
    return mean;
}

}  // namespace

ColorTags tags_of(const AVCodecParameters& stream) {
    return {text_or_unknown(av_color_primaries_name(stream.color_primaries)),
            text_or_unknown(av_color_transfer_name(stream.color_trc)),
            text_or_unknown(av_color_space_name(stream.color_space)),
            text_or_unknown(av_color_range_name(range_of(stream)))};
}

std::string pixels_of(const AVCodecParameters& stream) {
    return text_or_unknown(av_get_pix_fmt_name(static_cast<AVPixelFormat>(stream.format)));
}

std::optional<FrameRate> rate_of(const std::string& file, AVFormatContext& input, AVStream& stream) {
    constexpr double kNear = 0.01;
    constexpr std::array<AVRational, 10> kUsual = {
        {{24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {48, 1}, {50, 1}, {60000, 1001}, {60, 1}, {120, 1}}};
    AVRational rate = av_guess_frame_rate(&input, &stream, nullptr);
    const AVRational mean = counted_rate(file, *input.iformat, stream).value_or(stream.avg_frame_rate);
    const auto distance = [&](AVRational other) { return std::abs(av_q2d(other) / av_q2d(mean) - 1); };
    if (mean.num > 0 && mean.den > 0 && (rate.den <= 0 || distance(rate) > kNear)) {
        const AVRational nearest = *std::ranges::min_element(kUsual, {}, distance);
        rate = distance(nearest) <= kNear ? nearest : mean;
    }
    int num = 0, den = 0;
    av_reduce(&num, &den, rate.num, rate.den, FrameRate::kLargestTerm);
    const double fps = den > 0 ? static_cast<double>(num) / den : 0.0;
    if (fps < FrameRate::kSlowest || fps > FrameRate::kFastest) return std::nullopt;
    return FrameRate(num, den);
}

int64_t stated_frames(const AVFormatContext& input, const AVStream& stream, const std::optional<FrameRate>& fps) {
    const std::string_view kind = input.iformat->name;
    if (kind.starts_with("mov") || kind == "avi") return stream.nb_frames;
    if (!kind.starts_with("matroska") && kind != "flv") return 0;
    const AVDictionaryEntry* tag = av_dict_get(stream.metadata, "DURATION", nullptr, 0);
    int64_t microseconds = 0;
    if (tag == nullptr || av_parse_time(&microseconds, tag->value, 1) < 0)
        microseconds = input.nb_streams == 1 && input.duration != AV_NOPTS_VALUE ? input.duration : 0;
    // The mean of a file that was cut leaves out frames that others behind them were to be decoded for.
    const AVRational mean = stream.avg_frame_rate;
    const double rate = mean.num > 0 && mean.den > 0 ? av_q2d(mean) : fps ? fps->value() : 0;
    return std::llround(static_cast<double>(microseconds) / AV_TIME_BASE * rate);
}

const AVCodec* decoder_for(const AVCodec* found, const AVStream& stream, const std::string& name) {
    // FFmpeg's own decoders of VP8 and VP9 leave alpha out, which lies beside the frames in .webm files.
    const AVDictionaryEntry* alpha = av_dict_get(stream.metadata, "alpha_mode", nullptr, 0);
    const bool vp9 = stream.codecpar->codec_id == AV_CODEC_ID_VP9;
    if (alpha == nullptr || std::string_view(alpha->value) != "1") return found;
    if (!vp9 && stream.codecpar->codec_id != AV_CODEC_ID_VP8) return found;
    const AVCodec* with_alpha = avcodec_find_decoder_by_name(vp9 ? "libvpx-vp9" : "libvpx");
    require_valid(with_alpha != nullptr, name, ": has transparency, which this FFmpeg does not read in ",
                  vp9 ? "VP9" : "VP8", "; convert it to ProRes 4444 or a folder of PNGs");
    return with_alpha;
}

int64_t bytes_of_reading(const AVCodecParameters& stream, int64_t file_bytes, bool still, int threads,
                         Samples samples) {
    constexpr int64_t kMostOfAPixel = 8;
    const auto format = static_cast<AVPixelFormat>(stream.format);
    const int64_t pixels = int64_t{stream.width} * stream.height,
                  between = RgbConverter::bytes_of_pixel(format, stream.color_trc, stream.color_primaries),
                  rgb = pixels * (3 * bytes_of(samples) + between);
    const int stated = av_image_get_buffer_size(format, stream.width, stream.height, 64);
    const int64_t decoded = stated > 0 ? stated : pixels * kMostOfAPixel;
    if (still) {
        const bool coefficients = stream.codec_id == AV_CODEC_ID_MJPEG;  // progressive files keep them, of 16 bits
        return file_bytes + (coefficients ? 3 : 2) * decoded + rgb;
    }
    const AVCodecDescriptor* codec = avcodec_descriptor_get(stream.codec_id);
    const bool alone = codec != nullptr && (codec->props & AV_CODEC_PROP_INTRA_ONLY) != 0;
    constexpr int64_t kAtHand = 3, kReferences = 8;
    return (kAtHand + threads + (alone ? 0 : kReferences)) * decoded + rgb;
}

}  // namespace t3video::media
