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

// Only attention sees all tokens at once; the rest runs slice by slice, in the order of rows that suits the windows.
void Block::forward(Context& ctx, Tensor& x, const BlockInput& in) const {
    const std::array<Tensor, 6> m = modulation_rows<6>(ctx, in.modulation, modulation);
    const Tensor &shift1 = m[0], &scale1 = m[1], &gate1 = m[2], &shift2 = m[3], &scale2 = m[4], &gate2 = m[5];
    // f(the slice's rows of x, or all of x with the places of those rows; tokens of x before that are clean; first,
    // last)
    const auto for_slices = [&](auto&& f) {
        nn::for_slices(ctx, x.dim(0), [&](int64_t first, int64_t last) {
            const Tensor places = in.order ? in.order->slice(first, last) : Tensor();
            Tensor rows = in.order ? x : x.slice(first, last);
            f(rows, in.order ? &places : nullptr, in.clean_tokens - (in.order ? 0 : first), first, last);
        });
    };

    Tensor attended;
    {
        auto inputs = self_attn.make_inputs(ctx, x.dim(0), ctx.compute_type());
        for_slices([&](Tensor& y, const Tensor* order, int64_t clean, int64_t first, int64_t) {
            const Tensor h = ops::norm_modulate(ctx, y, scale1, shift1, clean, eps, order);
            self_attn.project(ctx, h, first, in.rope, inputs, order);
        });
        attended = self_attn.attend(ctx, inputs, in.windows);
    }
    for_slices([&](Tensor& y, const Tensor* order, int64_t clean, int64_t first, int64_t last) {
        Tensor h = self_attn.o.forward(ctx, attended.slice(first, last));
        h = ops::add_layer_norm(ctx, y, {h, &gate1, clean, order}, norm3.weight.value, norm3.bias.value, norm3.eps);
        h = cross_attn.forward(ctx, h, in.text);
        h = ops::add_norm_modulate(ctx, y, {h, nullptr, clean, order}, scale2, shift2, eps);
        ops::add_gated_to(ctx, y, gate2, ffn.forward(ctx, h), clean, order);
    });
}

}  // namespace t3video::models
