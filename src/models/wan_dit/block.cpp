// The Wan block, in the order of the paper's figure.
#include "models/wan_dit/block.h"

#include <cmath>

#include "models/wan_dit/modulation.h"
#include "nn/slices.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/norm.h"

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

// Only attention sees all tokens at once; the rest runs slice by slice.
void Block::forward(Context& ctx, Tensor& x, const BlockInput& in) const {
    const auto [shift1, scale1, gate1, shift2, scale2, gate2] = modulation_rows<6>(ctx, in.modulation, modulation);
    const auto clean = [&](int64_t first) { return in.clean_tokens - first; };

    Tensor attended;
    {
        auto inputs = self_attn.make_inputs(ctx, x.dim(0), ctx.compute_type());
        nn::for_slices(ctx, x.dim(0), [&](int64_t first, int64_t last) {
            const Tensor h = ops::norm_modulate(ctx, x.slice(first, last), scale1, shift1, clean(first), eps);
            self_attn.project(ctx, h, first, in.rope, inputs);
        });
        attended = self_attn.attend(ctx, inputs, in.windows);
    }
    nn::for_slices(ctx, x.dim(0), [&](int64_t first, int64_t last) {
        Tensor y = x.slice(first, last);
        ops::add_gated_to(ctx, y, gate1, self_attn.o.forward(ctx, attended.slice(first, last)), clean(first));
        ops::add_to(ctx, y, cross_attn.forward(ctx, norm3.forward(ctx, y), in.text));
        const Tensor h = ops::norm_modulate(ctx, y, scale2, shift2, clean(first), eps);
        ops::add_gated_to(ctx, y, gate2, ffn.forward(ctx, h), clean(first));
    });
}

}  // namespace t3video::models
