// What horizontal bands of a video need of one another: how far a layer reaches past a row, and the rows that each band
// hands on to the one below it, so that no row is computed twice.
#pragma once

#include "tensor/tensor.h"

namespace t3video::nn {

// The rows that a layer, or a path of layers, reads: row r of the result depends on rows r - reach to r + reach of the
// input with every row repeated `scale` times.
struct Halo {
    int64_t reach = 0, scale = 1;

    // Of this path followed by `next`, whose scale also multiplies the rows reached so far.
    Halo then(const Halo& next) const { return {next.scale * reach + next.reach, next.scale * scale}; }
    // Rows of the result that the first `rows` rows of the input determine, while more lie below.
    int64_t determined(int64_t rows) const { return scale * rows - reach; }
    // Rows of the input by which a band's result lies above the band, rounded up. A shortcut hands on as many.
    int64_t lag() const { return (reach + scale - 1) / scale; }
    // Rows of the input that a band's result reads of the band above: it begins `reach` rows above the band and reads
    // as many more.
    int64_t rows_above() const { return (2 * reach + scale - 1) / scale; }

    friend bool operator==(const Halo&, const Halo&) = default;
};

// Of a band: whether it holds the first and the last rows of the frame, and the frames of the video.
struct BandEdges {
    bool top = true, bottom = true;
    int64_t frames = 0;

    bool whole() const { return top && bottom; }
};

// The last rows of every frame of a band, in a queue for the band below. Bands come from top to bottom, and of each
// band all frames in order.
class HaloRows {
  public:
    // The next band begins; every band hands on `count` rows of a frame. Until then one band is the whole frame.
    void start(const BandEdges& band, int64_t count);
    const BandEdges& band() const { return band_; }
    // Rows in front of a frame that come from the band above.
    int64_t above() const { return band_.top ? 0 : count_; }

    // The rows above the next frames, [count, above(), W, C]: a view until these frames are pushed.
    Tensor pop(int64_t count = 1);
    // The last rows of the next frame, [1, H, W, C], for the band below; nothing in the last band.
    void push(Context& ctx, const Tensor& frame);

    // x: [T, H, W, C] behind its rows above, [T, above() + H, W, C]; x itself in the first band. Pushes its frames.
    Tensor extend(Context& ctx, const Tensor& x);

  private:
    BandEdges band_;
    int64_t count_ = 0;
    Tensor rows_;  // [frames, count, W, C]; rows of a frame replace those of the band above
    int64_t popped_ = 0, pushed_ = 0;
};

// A result that begins rows.above() rows above x and, except in the last band, ends as many above it as a band hands on
// is added x, [T, H, W, C], below the rows of the band above.
struct Shortcut {
    const Tensor& x;
    HaloRows& rows;
};

}  // namespace t3video::nn
