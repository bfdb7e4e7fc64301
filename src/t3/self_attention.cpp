// T3 self-attention: one projection each, two ways of grouping, their mean, one output projection.
#include "t3/self_attention.h"

#include <cmath>

#include "nn/slices.h"

namespace t3video::t3 {

SelfAttention::Inputs SelfAttention::make_inputs(Context& ctx, int64_t tokens, DType dtype) const {
    const Shape shape{tokens, q.weight.shape[0]};
    return {empty(ctx, shape, dtype), empty(ctx, shape, dtype), empty(ctx, shape, dtype)};
}

void SelfAttention::project(Context& ctx, const Tensor& x, const ops::Tokens& tokens, int64_t first,
                            const ops::RopeTable& rope, Inputs& inputs) const {
    const int64_t last = first + x.dim(0);
    Tensor queries = inputs.q.slice(first, last), keys = inputs.k.slice(first, last),
           values = inputs.v.slice(first, last);
    q.forward_into(ctx, x, queries);
    k.forward_into(ctx, x, keys);
    v.forward_into(ctx, x, values);
    const ops::NormRope both[] = {{queries, &norm_q.weight.tensor(), norm_q.eps, queries},
                                  {keys, &norm_k.weight.tensor(), norm_k.eps, keys}};
    ops::norm_rope_into(ctx, both, rope, heads, tokens);
}

Tensor SelfAttention::attend(Context& ctx, const Inputs& inputs, const LayerWindows& windows) const {
    std::vector<const ops::TokenWindows*> branches;
    for (const ops::TokenWindows& branch : windows) branches.push_back(&branch);
    const float scale = 1.0f / std::sqrt(static_cast<float>(inputs.q.dim(1) / heads));
    return ops::window_attention(ctx, inputs.q, inputs.k, inputs.v, heads, scale, branches);
}

Tensor SelfAttention::forward(Context& ctx, const Tensor& x, const ops::RopeTable& rope,
                              const LayerWindows& windows) const {
    Inputs inputs = make_inputs(ctx, x.dim(0), x.dtype());
    nn::for_slices(ctx, x.dim(0), [&](int64_t first, int64_t last) {
        project(ctx, x.slice(first, last), {.first = first}, first, rope, inputs);
    });
    return o.forward(ctx, attend(ctx, inputs, windows));
}

}  // namespace t3video::t3
