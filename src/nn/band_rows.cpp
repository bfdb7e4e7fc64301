// Rows between bands.
#include "nn/band_rows.h"

#include "ops/elementwise.h"
#include "tensor/repeat.h"

namespace t3video::nn {

void BandRows::start(const BandEdges& band) {
    band_ = band;
    taken_ = kept_ = 0;
}

Tensor BandRows::take() {
    require(!band_.top && rows_.defined() && taken_ < band_.frames, "band: no rows of the band above for frame ",
            taken_);
    const int64_t frame = taken_++;
    return rows_.slice(frame, frame + 1);
}

void BandRows::keep(Context& ctx, const Tensor& frame, int64_t count) {
    if (band_.bottom) return;
    require(kept_ < band_.frames, "band: ", kept_, " frames and one more");
    if (!rows_.defined()) rows_ = empty(ctx, {band_.frames, count, frame.dim(2), frame.dim(3)}, frame.dtype());
    Tensor rows = rows_.slice(kept_, kept_ + 1);
    copy_into(ctx, rows, frame_rows(frame, frame.dim(1) - count, frame.dim(1)));
    ++kept_;
}

Tensor BandRows::continued(Context& ctx, const Tensor& x, int64_t count) {
    const int64_t above = band_.top ? 0 : count;
    const Tensor y = band_.top ? x : empty(ctx, {x.dim(0), above + x.dim(1), x.dim(2), x.dim(3)}, x.dtype());
    repeat(ctx, x.dim(0), [&](int64_t t) {
        const Tensor frame = y.slice(t, t + 1);
        if (!band_.top) {
            Tensor first = frame_rows(frame, 0, above), rest = frame_rows(frame, above, frame.dim(1));
            copy_into(ctx, first, take());
            copy_into(ctx, rest, x.slice(t, t + 1));
        }
        keep(ctx, frame, count);
    });
    return y;
}

void add_from_above(Context& ctx, Tensor& y, const Tensor& x, int64_t count, BandRows& rows) {
    if (rows.band().whole()) return ops::add_to(ctx, y, x);
    const int64_t above = rows.band().top ? 0 : count, own = y.dim(1) - above;
    repeat(ctx, x.dim(0), [&](int64_t t) {
        const Tensor from = x.slice(t, t + 1), to = y.slice(t, t + 1);
        if (above > 0) {
            Tensor first = frame_rows(to, 0, above);
            ops::add_to(ctx, first, rows.take());
        }
        Tensor rest = frame_rows(to, above, y.dim(1));
        ops::add_to(ctx, rest, frame_rows(from, 0, own));
        rows.keep(ctx, from, count);
    });
}

Tensor frame_rows(const Tensor& frame, int64_t first, int64_t last) {
    require(frame.dim(0) == 1 && 0 <= first && first <= last && last <= frame.dim(1), "rows ", first, " to ", last,
            " of a frame ", frame.shape());
    return frame.reshape({frame.dim(1), frame.dim(2) * frame.dim(3)})
        .slice(first, last)
        .reshape({1, last - first, frame.dim(2), frame.dim(3)});
}

}  // namespace t3video::nn
