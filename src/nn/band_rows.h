// Rows that pass from a band of a video to the band below it, so that no row is computed twice.
#pragma once

#include <deque>

#include "tensor/tensor.h"

namespace t3video::nn {

// A video that a layer sees in horizontal bands, from top to bottom, and of each band all frames in order. Rows of the
// result that depend on rows below the band are left to the next one, which needs the last rows of this one for them.
class BandRows {
  public:
    // The next band; whether it holds the first and the last rows of the frame. Without it there is one band.
    void start(bool top, bool bottom);

    bool top() const { return top_; }
    bool bottom() const { return bottom_; }
    bool whole() const { return top_ && bottom_; }

    // The last rows of the band above, of the next frame: [1, n, W, C].
    Tensor take();
    // The last `count` rows of a frame [1, H, W, C], for the band below; nothing in the last band.
    void keep(Context& ctx, const Tensor& frame, int64_t count);

    // x: [T, H, W, C] with the `count` last rows of the band above in front: [T, count + H, W, C], or x in the first
    // band. Keeps the last `count` rows for the band below.
    Tensor continued(Context& ctx, const Tensor& x, int64_t count);

  private:
    std::deque<Tensor> above_;  // by frame; those of this band come behind what is left of the band above
    bool top_ = true, bottom_ = true;
};

// y += x, where y lies `count` rows above x except in the first band: its first rows belong to rows that the band above
// kept. In bands that are not the last, the last `count` rows of x are kept for the next. y: [T, H', W, C], x: [T, H,
// W, C] with at least `count` rows but in the last band.
void add_from_above(Context& ctx, Tensor& y, const Tensor& x, int64_t count, BandRows& rows);

// Rows [first, last) of a frame [1, H, W, C]: a view.
Tensor frame_rows(const Tensor& frame, int64_t first, int64_t last);

}  // namespace t3video::nn
