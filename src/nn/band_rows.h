// Rows that pass from a band of a video to the band below it, so that no row is computed twice.
#pragma once

#include "tensor/tensor.h"

namespace t3video::nn {

// Of a band: whether it holds the first and the last rows of the frame, and the frames of the video.
struct BandEdges {
    bool top = true, bottom = true;
    int64_t frames = 0;

    bool whole() const { return top && bottom; }
};

// A video that a layer sees in horizontal bands, from top to bottom, and of each band all frames in order. Rows of the
// result that depend on rows below the band are left to the next one, which needs the last rows of this one for them.
class BandRows {
  public:
    void start(const BandEdges& band);  // the next band; without it there is one that is the whole frame
    const BandEdges& band() const { return band_; }

    // The last rows of the band above, of its next frame: [1, n, W, C]. To be read before the frame is kept.
    Tensor take();
    // The last `count` rows of the next frame, [1, H, W, C], for the band below; nothing in the last band.
    void keep(Context& ctx, const Tensor& frame, int64_t count);

    // x: [T, H, W, C] with the `count` last rows of the band above in front: [T, count + H, W, C], or x in the first
    // band. Keeps the last `count` rows for the band below.
    Tensor continued(Context& ctx, const Tensor& x, int64_t count);

  private:
    BandEdges band_;
    Tensor rows_;  // [frames, n, W, C]; rows of a frame replace those of the band above
    int64_t taken_ = 0, kept_ = 0;
};

// y += x, where y lies `count` rows above x except in the first band: its first rows belong to rows that the band above
// kept. In bands that are not the last, the last `count` rows of x are kept for the next. y: [T, H', W, C], x: [T, H,
// W, C] with at least `count` rows but in the last band.
void add_from_above(Context& ctx, Tensor& y, const Tensor& x, int64_t count, BandRows& rows);

// Rows [first, last) of a frame [1, H, W, C]: a view.
Tensor frame_rows(const Tensor& frame, int64_t first, int64_t last);

}  // namespace t3video::nn
