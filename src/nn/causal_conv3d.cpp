// Causal convolution of chunks: the history in front of a chunk and the one it leaves.
#include "nn/causal_conv3d.h"

#include <algorithm>

#include "ops/conv3d.h"
#include "ops/norm.h"
#include "tensor/frame_rows.h"
#include "tensor/repeat.h"

namespace t3video::nn {
namespace {

// The last `count` frames of `history` followed by x. Frames of x are copied only where a view would keep more than
// these frames in memory.
std::vector<Tensor> last_frames(Context& ctx, const std::vector<Tensor>& history, const Tensor& x, int64_t count) {
    const int64_t from_x = std::min(x.dim(0), count);
    const int64_t from_history = std::min(static_cast<int64_t>(history.size()), count - from_x);
    std::vector<Tensor> frames(history.end() - from_history, history.end());
    for (int64_t t = x.dim(0) - from_x; t < x.dim(0); ++t) {
        const Tensor frame = x.slice(t, t + 1);
        frames.push_back(x.dim(0) <= count ? frame : clone(ctx, frame));
    }
    return frames;
}

}  // namespace

CausalConv3d::CausalConv3d(int64_t in, int64_t out, std::array<int64_t, 3> kernel)
    : weight(Shape{out, in, kernel[0], kernel[1], kernel[2]}, Role::convolution), bias(Shape{out}, Role::conv_bias) {}

void CausalConv3d::start(const BandEdges& band, ConvHistory& history) const {
    history.frames.clear();
    history.rows.start(band, halo().rows_above());
}

Tensor CausalConv3d::forward(Context& ctx, const Tensor& x, ConvHistory* history) const {
    const int64_t past = weight.shape[2] - 1, rows = halo().reach, columns = weight.shape[4] / 2;
    require(!history || history->rows.band().whole() || rows == 0, "convolution of bands with a kernel ", weight.shape);
    std::vector<Tensor> parts;
    if (history) parts = history->frames;
    const ops::Conv3dOptions options{.pad_top = rows,
                                     .pad_bottom = rows,
                                     .pad_left = columns,
                                     .pad_right = columns,
                                     .pad_front = past - static_cast<int64_t>(parts.size())};
    parts.push_back(x);
    const Tensor y = ops::conv3d(ctx, parts, weight, &bias.tensor(), options);
    if (history) history->frames = last_frames(ctx, history->frames, x, past);
    return y;
}

Tensor CausalConv3d::forward_normed(Context& ctx, Tensor x, const Param& gamma, ConvHistory& history,
                                    const Shortcut* shortcut) const {
    HaloRows& rows = history.rows;
    const int64_t past = weight.shape[2] - 1, frames = x.dim(0), above = rows.above(), height = above + x.dim(1);
    const auto known = static_cast<int64_t>(history.frames.size());
    // Normed frames, each below the rows of the band above, written where the convolution reads them: where it wants
    // all in one piece, behind those of the past, or zeros.
    const int64_t in_front = ops::reads_joined_frames(ctx) ? past : 0;
    Tensor joined = empty(ctx, {in_front + frames, height, x.dim(2), x.dim(3)}, ctx.compute_type());
    if (in_front > 0) {
        Tensor zeros_in_front = joined.slice(0, past - known);
        fill_zero(ctx, zeros_in_front);
        for (int64_t i = 0; i < known; ++i) {
            Tensor frame = joined.slice(past - known + i, past - known + i + 1);
            copy_into(ctx, frame, history.frames[static_cast<size_t>(i)]);
        }
        history.frames.clear();
    }
    const Tensor normed = joined.slice(in_front, in_front + frames);
    if (above == 0) {
        Tensor all = normed;
        ops::channel_norm_into(ctx, x, gamma.tensor(), true, all);
    }
    repeat(ctx, frames, [&](int64_t t) {
        const Tensor frame = normed.slice(t, t + 1);
        if (above > 0) {
            Tensor first = frame_rows(frame, 0, above), rest = frame_rows(frame, above, height);
            copy_into(ctx, first, rows.pop());
            ops::channel_norm_into(ctx, x.slice(t, t + 1), gamma.tensor(), true, rest);
        }
        rows.push(ctx, frame);
    });
    x = Tensor();  // its memory is free for the result, if the caller has no use for it either
    const int64_t reach = halo().reach, columns = weight.shape[4] / 2;
    ops::Conv3dOptions options{.pad_top = rows.band().top ? reach : 0,
                               .pad_bottom = rows.band().bottom ? reach : 0,
                               .pad_left = columns,
                               .pad_right = columns};
    Tensor shortcut_above;
    if (shortcut) {
        options.residual = &shortcut->x;
        if (shortcut->rows.above() > 0) {
            shortcut_above = shortcut->rows.pop(frames);
            options.residual_above = &shortcut_above;
        }
    }
    std::vector<Tensor> parts = {joined};
    if (in_front == 0) {
        parts = history.frames;
        parts.push_back(joined);
        options.pad_front = past - known;
    }
    Tensor y = ops::conv3d(ctx, parts, weight, &bias.tensor(), options);
    if (shortcut) repeat(ctx, frames, [&](int64_t t) { shortcut->rows.push(ctx, shortcut->x.slice(t, t + 1)); });
    parts.clear();
    if (in_front > 0) {  // a view would keep all of the piece
        for (int64_t i = std::max(past - known, frames); i < past + frames; ++i)
            history.frames.push_back(clone(ctx, joined.slice(i, i + 1)));
    } else {
        history.frames = last_frames(ctx, history.frames, normed, past);
    }
    return y;
}

}  // namespace t3video::nn
