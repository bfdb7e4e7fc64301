// Residual, attention, middle and output blocks of the Wan VAEs.
#include "models/wan_vae/blocks.h"

#include <cmath>
#include <utility>

#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "tensor/repeat.h"

namespace t3video::models {

ResBlock::ResBlock(int64_t in, int64_t out)
    : norm1(Shape{in, 1, 1, 1}, nn::Role::scale),
      norm2(Shape{out, 1, 1, 1}, nn::Role::scale),
      conv1(in, out, {3, 3, 3}),
      conv2(out, out, {3, 3, 3}) {
    if (in != out) shortcut.emplace(in, out, std::array<int64_t, 3>{1, 1, 1});
}

void ResBlock::start(const nn::BandEdges& band, History& history) const {
    conv1.start(band, history.conv1);
    conv2.start(band, history.conv2);
    history.shortcut.start(band, halo().lag());
}

Tensor ResBlock::forward(Context& ctx, Tensor x, History& history) const {
    Tensor y = conv1.forward_normed(ctx, x, norm1, history.conv1);
    if (shortcut) x = shortcut->forward(ctx, x);
    const nn::Shortcut added{x, history.shortcut};
    return conv2.forward_normed(ctx, std::move(y), norm2, history.conv2, &added);
}

AttnBlock::AttnBlock(int64_t channels)
    : norm(Shape{channels, 1, 1}, nn::Role::scale),
      qkv_weight(Shape{3 * channels, channels, 1, 1}, nn::Role::matrix),
      qkv_bias(Shape{3 * channels}, nn::Role::bias),
      proj_weight(Shape{channels, channels, 1, 1}, nn::Role::matrix),
      proj_bias(Shape{channels}, nn::Role::bias) {}

Tensor AttnBlock::forward(Context& ctx, const Tensor& x) const {
    const int64_t channels = x.dim(3), pixels = x.dim(1) * x.dim(2);
    const ops::AttentionOptions options{.scale = 1.0f / std::sqrt(static_cast<float>(channels))};
    Tensor sum = clone(ctx, x);
    repeat(ctx, x.dim(0), [&](int64_t t) {
        Tensor frame = sum.slice(t, t + 1).reshape({pixels, channels});
        Tensor y = ops::channel_norm(ctx, frame, norm.tensor(), false);
        y = ops::linear(ctx, y, qkv_weight, &qkv_bias.tensor());
        const Tensor q = ops::columns(ctx, y, 0, channels), k = ops::columns(ctx, y, channels, 2 * channels);
        const Tensor v = ops::columns(ctx, y, 2 * channels, 3 * channels);
        y = ops::attention(ctx, q, k, v, options);
        y = ops::linear(ctx, y, proj_weight, &proj_bias.tensor());
        ops::add_to(ctx, frame, y);
    });
    return sum;
}

Tensor MiddleBlock::forward(Context& ctx, Tensor x, History& history) const {
    x = first.forward(ctx, std::move(x), history.first);
    x = attention.forward(ctx, x);
    return last.forward(ctx, std::move(x), history.last);
}

Tensor Head::forward(Context& ctx, const Tensor& x, nn::ConvHistory& history) const {
    return conv.forward_normed(ctx, x, norm, history);
}

}  // namespace t3video::models
