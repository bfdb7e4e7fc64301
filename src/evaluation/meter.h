// Something that is measured while a film's frames go by.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evaluation/metric.h"
#include "media/frame.h"

namespace t3video::evaluation {

// A frame as players show it: 8-bit R'G'B', and its luma Y' = 0.2126 R' + 0.7152 G' + 0.0722 B' (BT.709), 0 to 255.
struct Frame {
    int64_t index = 0;
    media::Image image;
    std::vector<float> luma;  // [height, width]

    int64_t width() const { return image.width; }
    int64_t height() const { return image.height; }
    const float* row(int64_t y) const { return luma.data() + y * image.width; }
};

// What a meter found. A value that is not finite could not be told; `note` says why, in a clause: "nothing stands
// still". A finite one may have a note too.
struct Value {
    const Metric* metric = nullptr;
    double value = 0;
    std::string note;
    // The same of single frames, pairs of frames or other parts, for plots; empty where there is no such thing.
    std::vector<double> parts;
    bool failed = false;  // there is no number because something broke, and not because the film has none
};

// Holds a few frames at most, so that memory does not grow with a film's length; numbers per frame may be kept. Other
// meters run on other threads meanwhile; a meter uses the one that calls it, and gives the same values each time.
class Meter {
  public:
    Meter() = default;
    virtual ~Meter() = default;
    Meter(const Meter&) = delete;
    Meter& operator=(const Meter&) = delete;

    // The next frame, all of one size. `reference`: the other film's frame at that place, of the same size; null
    // unless the meter's metrics compare.
    virtual void take(const Frame& frame, const Frame* reference) = 0;
    // After the last frame, once.
    virtual std::vector<Value> values() = 0;
};

}  // namespace t3video::evaluation
