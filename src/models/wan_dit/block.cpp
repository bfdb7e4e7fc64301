// The Wan block, in the order of the paper's figure.
#include "models/wan_dit/block.h"

#include <algorithm>
#include <cmath>

#include "models/wan_dit/modulation.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "ops/norm.h"

namespace t3video::models {
namespace {

// Tokens expanded at once: the hidden layer is the widest tensor of the model (14B: 13824 channels, so 453 MB here),
// and slices this long cost the matrix product nothing.
constexpr int64_t kFeedForwardTokens = 8192;

}  // namespace

TextKeys CrossAttention::keys(Context& ctx, const Tensor& text) const {
    return {norm_k.forward(ctx, k.forward(ctx, text)), v.forward(ctx, text)};
}

Tensor CrossAttention::forward(Context& ctx, const Tensor& x, const TextKeys& text, const Tensor& key_bias) const {
    const Tensor queries = norm_q.forward(ctx, q.forward(ctx, x));
    const float scale = 1.0f / std::sqrt(static_cast<float>(x.dim(1) / heads));
    return o.forward(
        ctx, ops::attention(ctx, queries, text.k, text.v, {.heads = heads, .scale = scale, .key_bias = &key_bias}));
}

Tensor FeedForward::forward(Context& ctx, const Tensor& x) const {
    std::vector<Tensor> slices;
    for (int64_t first = 0; first < x.dim(0); first += kFeedForwardTokens) {
        const Tensor slice = x.slice(first, std::min(first + kFeedForwardTokens, x.dim(0)));
        slices.push_back(contract.forward(ctx, expand.forward(ctx, slice, ops::Activation::gelu_tanh)));
    }
    return slices.size() == 1 ? slices[0] : ops::concat(ctx, slices);
}

Tensor Block::forward(Context& ctx, const Tensor& x, const BlockInput& in) const {
    const auto [shift1, scale1, gate1, shift2, scale2, gate2] = modulation_rows<6>(ctx, in.modulation, modulation);

    Tensor h = ops::norm_modulate(ctx, x, scale1, shift1, in.clean_tokens, eps);
    h = self_attn.forward(ctx, h, in.rope, in.windows);
    const Tensor y = ops::gated_add(ctx, x, gate1, h, in.clean_tokens);

    h = norm3.forward(ctx, y);
    h = cross_attn.forward(ctx, h, in.text, in.key_bias);
    const Tensor z = ops::add(ctx, y, h);

    h = ops::norm_modulate(ctx, z, scale2, shift2, in.clean_tokens, eps);
    h = ffn.forward(ctx, h);
    return ops::gated_add(ctx, z, gate2, h, in.clean_tokens);
}

}  // namespace t3video::models
