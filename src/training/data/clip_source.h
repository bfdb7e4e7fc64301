// The windows of one clip as frames, read once and in bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "training/data/clip_rules.h"

namespace t3video::training {

// A frame at its clip's size; windows that overlap share it. `held` gives its memory back.
struct ClipFrame {
    Tensor pixels;  // [height, width, 3] u8 in host memory
    std::shared_ptr<void> held;
};

struct ClipWindow {
    int64_t index = 0, count = 1;  // of windows_of for this clip
    Window window;
    Size size;
    double fps = 0;  // of the frames
    std::vector<ClipFrame> frames;
};

// Why a clip is not encoded.
struct LeftOut {
    enum class Kind {
        broken,      // cannot be read
        no_frames,   // holds none
        too_short,   // fills no length
        too_small,   // less than one cell, and is not to be enlarged
        not_finite,  // its latents are not numbers
        repeated     // the same frames with the same captions as a clip before it
    };
    Kind kind;
    std::filesystem::path file;
    Message what;

    Message text() const;  // "a.mp4: has 9 frames, ..."
};

// What reading may use.
struct ReadingRoom {
    int64_t memory = 0;  // bytes that one reader may take: what takes more is left out
    // Waits until so many bytes may be taken; they are given back when the result goes.
    std::function<std::shared_ptr<void>(int64_t bytes)> take;
    std::stop_token stop = {};
};

// The size for a clip that is shown at `shown`: nearest_size of the rules, and where that is the clip's own, of no more
// area than the largest of their sizes.
std::optional<Size> size_for(const ClipRules& rules, Size shown);

// Reads a clip and gives its windows in the order of their ends, those of one end by their lengths, the longest first.
// Frames are those that a player shows at 0, 1/fps, 2/fps, ... seconds; where source_fps is known, each frame of the
// file counts as shown for 1/source_fps; inputs without times are taken frame by frame. `head` and `full` read no
// further than their windows reach; the others count frames in a first pass. Gives the reason where there are no
// windows. Throws Stopped.
std::optional<LeftOut> read_windows(const DataItem& item, const ClipRules& rules, const ReadingRoom& room,
                                    const std::function<void(ClipWindow)>& give);

}  // namespace t3video::training
