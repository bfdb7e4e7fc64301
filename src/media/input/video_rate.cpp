// What containers state, and what the times of frames are.
#include "media/input/video_rate.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>

#include "media/input/input_source.h"

namespace t3video::media {
namespace {

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

}  // namespace t3video::media
