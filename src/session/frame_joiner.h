// Joins the bands of rows that a decoder gives into whole frames.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "media/frame.h"

namespace t3video::session {

class FrameJoiner {
  public:
    using Sink = std::function<void(const media::Image& image)>;

    // Frames have `frame_height` rows; images show width x height pixels from their middle.
    FrameJoiner(int64_t frame_height, int64_t width, int64_t height, int threads, Sink sink,
                media::Samples samples = media::Samples::u8)
        : frame_height_(frame_height),
          width_(width),
          height_(height),
          threads_(threads),
          sink_(std::move(sink)),
          samples_(samples) {}

    // rows: [n, rows, W, 3] of n frames, in u8 for images of u8, else floats of -1..1; each frame's from top to bottom
    // over several calls. A frame waits as an image and is passed on with its last row.
    void add(const Tensor& rows, int64_t first_frame, int64_t first_row);

  private:
    int64_t frame_height_, width_, height_;
    int threads_;
    Sink sink_;
    media::Samples samples_;
    std::map<int64_t, media::Image> waiting_;  // by number of the frame
};

}  // namespace t3video::session
