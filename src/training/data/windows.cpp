// Windows of frames, by musubi-tuner's rules.
#include "training/data/windows.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace t3video::training {
namespace {

constexpr std::array<std::pair<std::string_view, Extraction>, 5> kExtractions = {{{"head", Extraction::head},
                                                                                  {"chunk", Extraction::chunk},
                                                                                  {"slide", Extraction::slide},
                                                                                  {"uniform", Extraction::uniform},
                                                                                  {"full", Extraction::full}}};

void check(const WindowSettings& settings) {
    require_valid(settings.stride >= 1, Field("stride", settings.stride), ": expected at least 1 frame");
    require_valid(settings.sample >= 1 && settings.sample <= kMostSamples, Field("sample", settings.sample),
                  ": expected 1 to ", kMostSamples, " windows");
    require_valid(settings.max_frames >= 1, Field("max-frames", settings.max_frames), ": expected at least 1 frame");
    if (settings.extraction == Extraction::full) return;
    require_valid(!settings.target_frames.empty(), Field("frames"), ": expected at least one length");
    for (const int64_t frames : settings.target_frames) {
        require_valid(frames >= 1 && frames % 4 == 1, Field("frames", frames), ": expected 4k+1 frames: 1, 5, 9, ...");
    }
}

std::vector<int64_t> ascending(std::vector<int64_t> lengths) {
    std::ranges::sort(lengths);
    lengths.erase(std::ranges::unique(lengths).begin(), lengths.end());
    return lengths;
}

// The beginnings of windows of `frames` among at least as many, ascending.
std::vector<int64_t> beginnings(int64_t frame_count, int64_t frames, const WindowSettings& settings) {
    const int64_t last = frame_count - frames;
    std::vector<int64_t> first;
    switch (settings.extraction) {
        case Extraction::chunk:
            for (int64_t i = 0; i <= last; i += frames) first.push_back(i);
            break;
        case Extraction::slide:
            for (int64_t i = 0; i <= last; i += std::min(settings.stride, frame_count)) first.push_back(i);
            break;
        case Extraction::uniform: {
            const double step =
                settings.sample > 1 ? static_cast<double>(last) / static_cast<double>(settings.sample - 1) : 0;
            for (int64_t i = 0; i < settings.sample; ++i) {
                const bool end = i > 0 && i == settings.sample - 1;
                first.push_back(end ? last : static_cast<int64_t>(std::floor(static_cast<double>(i) * step)));
            }
            first.erase(std::ranges::unique(first).begin(), first.end());
            break;
        }
        case Extraction::head:
        case Extraction::full:
            first.push_back(0);
            break;
    }
    return first;
}

}  // namespace

Extraction extraction_of(std::string_view name) {
    const auto found = std::ranges::find(kExtractions, name, &std::pair<std::string_view, Extraction>::first);
    require_valid(found != kExtractions.end(), Field("extraction", name.substr(0, 40)),
                  ": expected head, chunk, slide, uniform or full");
    return found->second;
}

Windows windows_of(int64_t frame_count, const WindowSettings& settings) {
    check(settings);
    Windows result;
    const bool full = settings.extraction == Extraction::full;
    if (full && frame_count < 1) return result;
    std::vector<int64_t> lengths = full ? std::vector{(std::min(frame_count, settings.max_frames) - 1) / 4 * 4 + 1}
                                        : ascending(settings.target_frames);
    if (settings.longest_only) std::erase(lengths, 1);
    const auto filled = std::ranges::upper_bound(lengths, frame_count);
    result.too_long.assign(filled, lengths.end());
    lengths.erase(filled, lengths.end());
    if (settings.longest_only && !lengths.empty()) lengths = {lengths.back()};
    for (const int64_t frames : lengths) {
        for (const int64_t first : beginnings(frame_count, frames, settings)) result.windows.push_back({first, frames});
    }
    return result;
}

}  // namespace t3video::training
