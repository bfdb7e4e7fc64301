// T3 self-attention: one projection each, two ways of grouping, their mean, one output projection.
#include "t3/self_attention.h"

#include <cmath>

#include "nn/slices.h"

namespace t3video::t3 {

namespace {

std::vector<const ops::TokenWindows*> branches_of(const LayerWindows& windows) {
    std::vector<const ops::TokenWindows*> branches;
    for (const ops::TokenWindows& branch : windows) branches.push_back(&branch);
    return branches;
}

}  // namespace

float SelfAttention::scale() const {
    return 1.0f / std::sqrt(static_cast<float>(q.out() / heads));
}

SelfAttention::Inputs SelfAttention::make_inputs(Context& ctx, int64_t tokens, DType dtype, bool for_backward) const {
    const Shape shape{tokens, q.out()};
    const auto matrix = [&] { return empty(ctx, shape, dtype); };
    Inputs inputs{matrix(), matrix(), matrix()};
    inputs.raw_q = for_backward ? matrix() : inputs.q;
    inputs.raw_k = for_backward ? matrix() : inputs.k;
    return inputs;
}

void SelfAttention::project(Context& ctx, const Tensor& x, const ops::Tokens& tokens, int64_t first,
                            const ops::RopeTable& rope, Inputs& inputs) const {
    const auto rows = [&](Tensor& t) { return t.slice(first, first + x.dim(0)); };
    Tensor raw_q = rows(inputs.raw_q), raw_k = rows(inputs.raw_k), queries = rows(inputs.q), keys = rows(inputs.k),
           values = rows(inputs.v);
    q.forward_into(ctx, x, raw_q);
    k.forward_into(ctx, x, raw_k);
    v.forward_into(ctx, x, values);
    const ops::NormRope both[] = {{raw_q, &norm_q.weight.tensor(), norm_q.eps, queries},
                                  {raw_k, &norm_k.weight.tensor(), norm_k.eps, keys}};
    ops::norm_rope_into(ctx, both, rope, heads, tokens);
}

Tensor SelfAttention::project_backward(Context& ctx, const Tensor& x, const ops::Tokens& tokens, int64_t first,
                                       const ops::RopeTable& rope, const Inputs& inputs,
                                       ops::AttentionGradients& d) const {
    const auto rows = [&](const Tensor& t) { return t.slice(first, first + x.dim(0)); };
    const Tensor raw_q = rows(inputs.raw_q), raw_k = rows(inputs.raw_k), dv = rows(d.v);
    Tensor dq = rows(d.q), dk = rows(d.k);
    const ops::NormRopeGradient both[] = {
        {raw_q, &norm_q.weight.tensor(), norm_q.eps, dq, dq, norm_q.weight.gradient()},
        {raw_k, &norm_k.weight.tensor(), norm_k.eps, dk, dk, norm_k.weight.gradient()}};
    ops::norm_rope_backward_into(ctx, both, rope, heads, tokens);
    Tensor dx = empty(ctx, x.shape());
    q.backward_into(ctx, {x}, dq, false, dx);
    k.backward_into(ctx, {x}, dk, true, dx);
    v.backward_into(ctx, {x}, dv, true, dx);
    return dx;
}

Tensor SelfAttention::attend(Context& ctx, const Inputs& inputs, const LayerWindows& windows,
                             ops::AttentionSaved* saved, const Tensor* places) const {
    return ops::window_attention(ctx, inputs.q, inputs.k, inputs.v, heads, scale(), branches_of(windows), saved,
                                 places);
}

bool SelfAttention::places_results(const Context& ctx, const Inputs& inputs, const LayerWindows& windows) const {
    return ops::places_results(ctx, inputs.q, heads, branches_of(windows));
}

ops::AttentionGradients SelfAttention::attend_backward(Context& ctx, const Inputs& inputs, const LayerWindows& windows,
                                                       const ops::AttentionSaved& saved, const Tensor& dy,
                                                       bool deterministic) const {
    const auto branches = branches_of(windows);
    return ops::window_attention_backward(ctx, inputs.q, inputs.k, inputs.v, dy,
                                          {heads, scale(), branches, saved, deterministic});
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
