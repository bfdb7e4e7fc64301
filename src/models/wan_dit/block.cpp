// The Wan block, in the order of the paper's figure.
#include "models/wan_dit/block.h"

#include <cmath>

#include "models/wan_dit/modulation.h"
#include "nn/slices.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/norm.h"
#include "ops/residual.h"

namespace t3video::models {

TextKeys CrossAttention::keys(Context& ctx, const Tensor& text, int64_t last_rows) const {
    return {norm_k.forward(ctx, k.forward(ctx, text)), v.forward(ctx, text), last_rows};
}

Tensor CrossAttention::forward(Context& ctx, const Tensor& x, const TextKeys& text) const {
    const Tensor queries = norm_q.forward(ctx, q.forward(ctx, x));
    const float scale = 1.0f / std::sqrt(static_cast<float>(x.dim(1) / heads));
    return o.forward(ctx, ops::attention(ctx, queries, text.k, text.v,
                                         {.heads = heads, .scale = scale, .last_key_count = text.last_rows}));
}

Tensor FeedForward::forward(Context& ctx, const Tensor& x) const {
    return contract.forward(ctx, expand.forward(ctx, x, ops::Activation::gelu_tanh));
}

Modulation Block::modulation_of(Context& ctx, const BlockInput& in) const {
    auto [shift1, scale1, gate1, shift2, scale2, gate2] = modulation_rows<6>(ctx, in.modulation, modulation);
    return {shift1, scale1, gate1, shift2, scale2, gate2, in.clean_tokens};
}

void Block::before_attention(Context& ctx, const ops::Rows& x, int64_t first, const Modulation& m, const BlockInput& in,
                             t3::SelfAttention::Inputs& inputs) const {
    const Tensor h = ops::norm_modulate(ctx, x, m.scale1, m.shift1, m.boundary, eps);
    self_attn.project(ctx, h, x.tokens, first, in.rope, inputs);
}

void Block::after_attention(Context& ctx, ops::Rows& x, const Tensor& attended, const Modulation& m,
                            const BlockInput& in) const {
    Tensor h = self_attn.o.forward(ctx, attended);
    h = ops::add_layer_norm(ctx, x, {h, &m.gate1}, norm3.weight.tensor(), norm3.bias.tensor(), m.boundary, norm3.eps);
    h = cross_attn.forward(ctx, h, in.text);
    h = ops::add_norm_modulate(ctx, x, {h}, m.scale2, m.shift2, m.boundary, eps);
    ops::add_gated_to(ctx, x, m.gate2, ffn.forward(ctx, h), m.boundary);
}

// Only attention sees all tokens at once; the rest runs slice by slice, in the order of rows that suits the windows.
void Block::forward(Context& ctx, Tensor& x, const BlockInput& in) const {
    const Modulation m = modulation_of(ctx, in);
    const auto for_rows = [&](auto&& f) {  // f(some rows of x, the first of them)
        nn::for_slices(ctx, x.dim(0), [&](int64_t first, int64_t last) {
            ops::Rows rows{x.slice(first, last), {}, {.first = first}};
            if (in.order) {  // rows are tokens of x in another order
                const Tensor tokens = in.order->slice(first, last);
                rows = {x, tokens, {tokens}};
            }
            f(rows, first);
        });
    };
    Tensor attended;
    {
        auto inputs = self_attn.make_inputs(ctx, x.dim(0), ctx.compute_type());
        for_rows([&](const ops::Rows& rows, int64_t first) { before_attention(ctx, rows, first, m, in, inputs); });
        attended = self_attn.attend(ctx, inputs, in.windows);
    }
    for_rows([&](ops::Rows& rows, int64_t first) {
        after_attention(ctx, rows, attended.slice(first, first + rows.count()), m, in);
    });
}

}  // namespace t3video::models
