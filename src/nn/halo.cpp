// Rows handed from band to band.
#include "nn/halo.h"

#include "tensor/frame_rows.h"
#include "tensor/repeat.h"

namespace t3video::nn {

void HaloRows::start(const BandEdges& band, int64_t count) {
    band_ = band;
    count_ = count;
    popped_ = pushed_ = 0;
}

Tensor HaloRows::pop(int64_t count) {
    const int64_t first = popped_;
    popped_ += count;
    require(!band_.top && rows_.defined() && popped_ <= band_.frames, "band: no rows of the band above for frame ",
            popped_ - 1);
    return rows_.slice(first, popped_);
}

void HaloRows::push(Context& ctx, const Tensor& frame) {
    if (band_.bottom) return;
    require(pushed_ < band_.frames, "band: ", pushed_, " frames and one more");
    if (!rows_.defined()) rows_ = empty(ctx, {band_.frames, count_, frame.dim(2), frame.dim(3)}, frame.dtype());
    Tensor rows = rows_.slice(pushed_, pushed_ + 1);
    copy_into(ctx, rows, frame_rows(frame, frame.dim(1) - count_, frame.dim(1)));
    ++pushed_;
}

Tensor HaloRows::extend(Context& ctx, const Tensor& x) {
    const Tensor y = band_.top ? x : empty(ctx, {x.dim(0), count_ + x.dim(1), x.dim(2), x.dim(3)}, x.dtype());
    repeat(ctx, x.dim(0), [&](int64_t t) {
        const Tensor frame = y.slice(t, t + 1);
        if (!band_.top) {
            Tensor first = frame_rows(frame, 0, count_), rest = frame_rows(frame, count_, frame.dim(1));
            copy_into(ctx, first, pop());
            copy_into(ctx, rest, x.slice(t, t + 1));
        }
        push(ctx, frame);
    });
    return y;
}

}  // namespace t3video::nn
