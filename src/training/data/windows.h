// Which frames of a clip are learned from.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace t3video::training {

// musubi-tuner's names (its dataset/image_video_dataset.py): the first N frames; consecutive pieces of N; windows of N
// that begin every `stride` frames; `sample` windows of N spread evenly; all frames.
enum class Extraction { head, chunk, slide, uniform, full };

// Throws InvalidRequest naming the field extraction for any other name.
Extraction extraction_of(std::string_view name);

// Frames are those of the clip at the model's rate. Defaults are musubi-tuner's.
struct WindowSettings {
    std::vector<int64_t> target_frames = {1};  // N, each 4k+1; `full` does not look at them
    Extraction extraction = Extraction::head;
    int64_t stride = 1;        // between the beginnings of windows, for `slide`
    int64_t sample = 1;        // windows of each length, for `uniform`
    int64_t max_frames = 129;  // of `full`
    bool longest_only =
        false;  // of the lengths only the longest that the clip fills, and never 1, as in diffusion-pipe

    bool operator==(const WindowSettings&) const = default;
};

constexpr int64_t kMostSamples = 100'000;

struct Window {
    int64_t first = 0, frames = 1;  // `frames` is 4k+1
    bool operator==(const Window&) const = default;
};

constexpr Window kPictureWindow = {0, 1};  // of a picture, whatever the settings say

struct Windows {
    std::vector<Window> windows;    // by length, then by beginning; each once
    std::vector<int64_t> too_long;  // the lengths asked for that the clip does not fill, ascending
};

// Lengths are taken ascending and each once. `chunk` leaves out what remains behind the last whole piece; `uniform`
// begins at floor(i * (frame_count - N) / (sample - 1)), computed in double precision as numpy's linspace does it, at 0
// for one sample; `full` is one window of min(frame_count, max_frames) frames, cut to 4k+1. A clip without frames gives
// none. Throws InvalidRequest, naming the field, for lengths that are not 4k+1, none where they are needed, and for
// stride, sample (1 to kMostSamples) or max_frames below 1.
Windows windows_of(int64_t frame_count, const WindowSettings& settings);

}  // namespace t3video::training
