// T3 self-attention: one projection each, two ways of grouping, their mean, one output projection.
#include "t3/self_attention.h"

#include <cmath>

namespace t3video::t3 {

Tensor SelfAttention::forward(Context& ctx, const Tensor& x, const ops::RopeTable& rope,
                              const LayerWindows& windows) const {
    const int64_t head_width = x.dim(1) / heads;
    const Tensor queries = ops::rope(ctx, norm_q.forward(ctx, q.forward(ctx, x)), rope, heads);
    const Tensor keys = ops::rope(ctx, norm_k.forward(ctx, k.forward(ctx, x)), rope, heads);
    const Tensor values = v.forward(ctx, x);

    std::vector<const ops::TokenWindows*> branches;
    for (const ops::TokenWindows& branch : windows) branches.push_back(&branch);
    const float scale = 1.0f / std::sqrt(static_cast<float>(head_width));
    return o.forward(ctx, ops::window_attention(ctx, queries, keys, values, heads, scale, branches));
}

}  // namespace t3video::t3
