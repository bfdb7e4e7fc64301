// Convolutions and memory blocks.
#include "models/small_vae/blocks.h"

#include <utility>

#include "core/error.h"
#include "ops/conv3d.h"
#include "ops/depthwise.h"

namespace t3video::models {

Conv::Conv(Shape weight_shape, bool with_bias, nn::Role role) : weight(weight_shape, role) {
    if (with_bias) bias.emplace(Shape{weight_shape[0]}, nn::Role::conv_bias);
}

Tensor Conv::forward(Context& ctx, const Tensor& x, bool relu) const {
    const bool in_time = weight.shape.rank() == 5;
    Tensor y =
        empty(ctx, {x.dim(0) - (in_time ? weight.shape[2] - 1 : 0), x.dim(1), x.dim(2), weight.shape[0]}, x.dtype());
    forward_into(ctx, x, relu, nullptr, y);
    return y;
}

void Conv::forward_into(Context& ctx, const Tensor& x, bool relu, const Tensor* residual, Tensor& y,
                        int64_t stride_t) const {
    const int64_t rows = weight.shape.dim(-2) / 2, columns = weight.shape.dim(-1) / 2;
    ops::conv3d_into(ctx, x, weight, bias_or_null(),
                     {.stride_t = stride_t,
                      .stride_h = stride,
                      .stride_w = stride,
                      .pad_top = rows,
                      .pad_bottom = rows,
                      .pad_left = columns,
                      .pad_right = columns,
                      .relu = relu,
                      .residual = residual},
                     y);
}

void Conv::upsample_into(Context& ctx, const Tensor& x, bool relu, Tensor& y) const {
    ops::upsample_conv2d_into(ctx, x, weight, bias_or_null(), relu, y);
}

MemBlock::MemBlock(int64_t width, bool wide) {
    if (wide) {
        depthwise.emplace(Shape{49, 2 * width}, nn::Role::scale);
        convs.emplace_back(Shape{4 * width, 2 * width, 1, 1}, true);
        convs.emplace_back(Shape{width, 4 * width, 1, 1}, false);
        return;
    }
    convs.emplace_back(Shape{width, width, 2, 3, 3}, true);
    convs.emplace_back(Shape{width, width, 3, 3}, true);
    convs.emplace_back(Shape{width, width, 3, 3}, true);
}

void MemBlock::forward(Context& ctx, Tensor& joined, Tensor& y) const {
    const int64_t frames = joined.dim(0) - 1;
    Tensor h = depthwise ? ops::depthwise_with_past(ctx, joined, depthwise->tensor()) : joined;
    for (size_t i = 0; i + 1 < convs.size(); ++i) h = convs[i].forward(ctx, h, true);
    const Tensor x = joined.slice(1, frames + 1);
    convs.back().forward_into(ctx, h, !depthwise, &x, y);
    Tensor past = joined.slice(0, 1);
    copy_into(ctx, past, joined.slice(frames, frames + 1));
}

Tensor BlockRow::History::next(int64_t count) {
    require(filled + count <= capacity(), "memory blocks: ", count, " frames behind ", filled, " of ", capacity());
    filled += count;
    return joined.front().slice(1 + filled - count, 1 + filled);
}

BlockRow::BlockRow(int64_t width_, int64_t count, bool wide) : width(width_) {
    for (int64_t i = 0; i < count; ++i) blocks.emplace_back(width, wide);
}

BlockRow::History BlockRow::start(Context& ctx, int64_t capacity, int64_t h, int64_t w) const {
    History history;
    for (size_t i = 0; i < blocks.size(); ++i) {
        history.joined.push_back(empty(ctx, {1 + capacity, h, w, width}, ctx.compute_type()));
        Tensor past = history.joined.back().slice(0, 1);
        fill_zero(ctx, past);
    }
    return history;
}

Tensor BlockRow::forward(Context& ctx, History& history) const {
    const int64_t frames = std::exchange(history.filled, 0);
    const Tensor& first = history.joined.front();
    Tensor y = empty(ctx, {frames, first.dim(1), first.dim(2), width}, first.dtype());
    for (size_t i = 0; i < blocks.size(); ++i) {
        Tensor joined = history.joined[i].slice(0, frames + 1);
        Tensor to = i + 1 < blocks.size() ? history.joined[i + 1].slice(1, frames + 1) : y;
        blocks[i].forward(ctx, joined, to);
    }
    return y;
}

}  // namespace t3video::models
