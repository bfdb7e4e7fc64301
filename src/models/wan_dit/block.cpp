// The Wan block, in the order of the paper's figure.
#include "models/wan_dit/block.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/wan_dit/modulation.h"
#include "nn/slices.h"
#include "ops/attention.h"
#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "ops/norm.h"
#include "ops/residual.h"

namespace t3video::models {

namespace {

// f(some rows of x, the first of them): slice by slice, in the order of rows that suits the windows.
template <class F>
void for_rows(Context& ctx, const Tensor& x, const Tensor* order, F&& f) {
    nn::for_slices(ctx, x.dim(0), [&](int64_t first, int64_t last) {
        ops::Rows rows{x.slice(first, last), {}, {.first = first}};
        if (order) {  // rows are tokens of x in another order
            const Tensor tokens = order->slice(first, last);
            rows = {x, tokens, {tokens, first}};
        }
        f(rows, first);
    });
}

Tensor* asked(Tensor& gradient) {
    return gradient.defined() ? &gradient : nullptr;
}

}  // namespace

TextKeys CrossAttention::keys(Context& ctx, const Tensor& text, std::vector<PromptRows> prompts) const {
    return {norm_k.forward(ctx, k.forward(ctx, text)), v.forward(ctx, text), std::move(prompts)};
}

Tensor CrossAttention::keys_backward(Context& ctx, const Tensor& text, const TextKeys& d) const {
    const Tensor dk = ops::convert(ctx, d.k, text.dtype()), dv = ops::convert(ctx, d.v, text.dtype());
    nn::Linear::Saved saved;
    const Tensor raw = k.forward(ctx, text, ops::Activation::none, &saved);
    Tensor dtext = k.backward(ctx, saved, norm_k.backward(ctx, raw, dk));
    v.backward_into(ctx, {text}, dv, true, dtext);
    return dtext;
}

template <class F>
void CrossAttention::for_each_prompt(int64_t n, const TextKeys& text, const StreamRows& place, F&& f) const {
    const float scale = 1.0f / std::sqrt(static_cast<float>(q.out() / heads));
    const auto prompts = static_cast<int64_t>(text.prompts.size());
    int64_t row = 0;
    for (int64_t i = 0; i < prompts; ++i) {
        const auto& [rows, last_rows] = text.prompts[static_cast<size_t>(i)];
        const auto start = [&](int64_t sample) {
            return std::clamp<int64_t>(sample * place.period - place.first, 0, n);
        };
        const int64_t first = prompts > 1 ? start(i) : 0, last = prompts > 1 ? start(i + 1) : n;
        const ops::AttentionOptions options{.heads = heads, .scale = scale, .last_key_count = last_rows};
        if (first < last) f(first, last, row, row + rows, options);
        row += rows;
    }
}

Tensor CrossAttention::attend(Context& ctx, const Tensor& x, const TextKeys& text, const StreamRows& place,
                              Saved* saved) const {
    Saved unused;
    Saved& s = saved ? *saved : unused;
    s.raw_q = q.forward(ctx, x, ops::Activation::none, &s.to_q);
    s.q = norm_q.forward(ctx, s.raw_q);
    if (!saved) s.raw_q = s.to_q.x = {};
    Tensor attended = empty(ctx, {x.dim(0), text.v.dim(1)}, s.q.dtype());
    for_each_prompt(x.dim(0), text, place, [&](int64_t first, int64_t last, int64_t begin, int64_t end, auto& options) {
        Tensor y = attended.slice(first, last);
        ops::attention_into(ctx, s.q.slice(first, last), text.k.slice(begin, end), text.v.slice(begin, end), options,
                            y);
    });
    return attended;
}

Tensor CrossAttention::backward(Context& ctx, const Saved& saved, const Tensor& dy, const TextKeys& text,
                                const StreamRows& place, TextKeys& dtext) const {
    const Tensor dattended = o.backward(ctx, saved.to_o, dy);
    Tensor dq = empty_like(ctx, saved.q);
    for_each_prompt(
        dq.dim(0), text, place, [&](int64_t first, int64_t last, int64_t begin, int64_t end, auto& options) {
            Tensor to = dq.slice(first, last), dk = dtext.k.slice(begin, end), dv = dtext.v.slice(begin, end);
            ops::attention_backward_into(ctx, saved.q.slice(first, last), text.k.slice(begin, end),
                                         text.v.slice(begin, end), dattended.slice(first, last), options, to, dk, dv);
        });
    return q.backward(ctx, saved.to_q, norm_q.backward(ctx, saved.raw_q, dq));
}

FeedForward::Saved FeedForward::half_forward(Context& ctx, const Tensor& x) const {
    Saved saved;
    saved.expanded = expand.forward(ctx, x, ops::Activation::none, &saved.to_expand);
    saved.to_contract.x = ops::gelu_tanh(ctx, saved.expanded);
    return saved;
}

// With h what expand gives and a = gelu(h): da = contract^T(dy), dh = da * gelu'(h), dx = expand^T(dh).
Tensor FeedForward::backward(Context& ctx, const Saved& saved, const Tensor& dy) const {
    const Tensor dactivated = contract.backward(ctx, saved.to_contract, dy);
    return expand.backward(ctx, saved.to_expand, ops::gelu_tanh_backward(ctx, saved.expanded, dactivated));
}

Modulation Block::modulation_of(Context& ctx, const BlockInput& in) const {
    auto [shift1, scale1, gate1, shift2, scale2, gate2] = modulation_rows<6>(ctx, in.modulation, modulation);
    return {shift1, scale1, gate1, shift2, scale2, gate2, in.sets};
}

Additions Block::additions(Context& ctx, const Modulation& m, int64_t tokens) const {
    return {{ctx, self_attn.o, &m.gate1, tokens},
            {ctx, cross_attn.o, nullptr, tokens},
            {ctx, ffn.contract, &m.gate2, tokens}};
}

void Block::before_attention(Context& ctx, const ops::Rows& x, int64_t first, const Modulation& m, const BlockInput& in,
                             t3::SelfAttention::Inputs& inputs) const {
    const Tensor h = ops::norm_modulate(ctx, x, m.scale1, m.shift1, m.sets, eps);
    self_attn.project(ctx, h, x.tokens, first, in.rope, inputs);
}

void Block::after_attention(Context& ctx, ops::Rows& x, const Tensor& attended, const Modulation& m,
                            const Additions& added, const BlockInput& in) const {
    Tensor h =
        added.self.add_layer_norm(ctx, x, attended, norm3.weight.tensor(), norm3.bias.tensor(), m.sets, norm3.eps);
    h = cross_attn.attend(ctx, h, in.text, {x.tokens.first, in.sets.period});
    h = added.cross.add_norm_modulate(ctx, x, std::move(h), m.scale2, m.shift2, m.sets, eps);
    added.feed.add(ctx, x, ffn.widen(ctx, h), m.sets);
}

// The ops of after_attention on a copy of the rows, y behind its first step and z behind its second, then backward:
//     dz = dx + J2(z)^T ffn^T(gate2 dx),    dy = dz + J(y)^T cross^T(dz),    dattended = o^T(gate1 dy),
// with J2 and J the norms' Jacobians. What arrives at y goes on to x as it is.
void Block::after_attention_backward(Context& ctx, const ops::Rows& x, ops::Rows& dx, const Tensor& attended,
                                     Tensor& dattended, const Backward& b) const {
    const auto& [in, m, dm, dtext] = b;
    ops::Rows y{ops::take_rows(ctx, x, DType::f32), {}, x.tokens};
    nn::Linear::Saved to_o;
    const Tensor projected = self_attn.o.forward(ctx, attended, ops::Activation::none, &to_o);
    CrossAttention::Saved cross;
    const StreamRows place{x.tokens.first, in.sets.period};
    Tensor h = ops::add_layer_norm(ctx, y, {projected, &m.gate1}, norm3.weight.tensor(), norm3.bias.tensor(), m.sets,
                                   norm3.eps);
    h = cross_attn.attend(ctx, h, in.text, place, &cross);
    h = cross_attn.o.forward(ctx, h, ops::Activation::none, &cross.to_o);
    ops::Rows z{clone(ctx, y.data), {}, x.tokens};
    h = ops::add_norm_modulate(ctx, z, {h}, m.scale2, m.shift2, m.sets, eps);
    FeedForward::Saved feed = ffn.half_forward(ctx, h);
    // What it adds to the stream is of use to the gate's gradient only.
    Tensor* dgate2 = asked(dm.gate2);
    if (dgate2) h = ffn.contract.forward(ctx, feed.to_contract.x, ops::Activation::none, &feed.to_contract);

    h = ops::add_gated_backward(ctx, dx, m.gate2, h, m.sets, dgate2);
    h = ffn.backward(ctx, feed, h);
    feed = {};
    ops::norm_modulate_backward(ctx, z, m.scale2, m.sets, eps, h, dx, asked(dm.scale2), asked(dm.shift2));
    h = cross_attn.backward(ctx, cross, ops::take_rows(ctx, dx, h.dtype()), in.text, place, dtext);
    ops::layer_norm_backward(ctx, y, norm3.weight.tensor(), norm3.eps, h, dx, norm3.weight.gradient(),
                             norm3.bias.gradient());
    h = ops::add_gated_backward(ctx, dx, m.gate1, projected, m.sets, asked(dm.gate1));
    self_attn.o.backward_into(ctx, to_o, h, false, dattended);
}

// dx = dy + J1(x)^T (q^T dq + k^T dk + v^T dv)
void Block::before_attention_backward(Context& ctx, const ops::Rows& x, ops::Rows& dx, int64_t first, const Backward& b,
                                      const t3::SelfAttention::Inputs& inputs, ops::AttentionGradients& d) const {
    const auto& [in, m, dm, dtext] = b;
    const Tensor h = ops::norm_modulate(ctx, x, m.scale1, m.shift1, m.sets, eps);
    const Tensor dh = self_attn.project_backward(ctx, h, x.tokens, first, in.rope, inputs, d);
    ops::norm_modulate_backward(ctx, x, m.scale1, m.sets, eps, dh, dx, asked(dm.scale1), asked(dm.shift1));
}

// Only attention sees all tokens at once; the rest runs slice by slice. Its results go back to the stream's order where
// that costs nothing: products can be added to rows that follow one another.
void Block::forward(Context& ctx, Tensor& x, const BlockInput& in) const {
    const Modulation m = modulation_of(ctx, in);
    bool back = false;
    Tensor attended;
    {
        auto inputs = self_attn.make_inputs(ctx, x.dim(0), ctx.compute_type());
        for_rows(ctx, x, in.order,
                 [&](const ops::Rows& rows, int64_t first) { before_attention(ctx, rows, first, m, in, inputs); });
        back = in.order && self_attn.places_results(ctx, inputs, in.windows);
        attended = self_attn.attend(ctx, inputs, in.windows, nullptr, back ? in.order : nullptr);
    }
    const Additions added = additions(ctx, m, x.dim(0));
    for_rows(ctx, x, back ? nullptr : in.order, [&](ops::Rows& rows, int64_t first) {
        after_attention(ctx, rows, attended.slice(first, first + rows.count()), m, added, in);
    });
}

void Block::backward(Context& ctx, const Tensor& x, Tensor& dx, const BlockInput& in, BlockGradients& d,
                     bool deterministic) const {
    const Modulation m = modulation_of(ctx, in);
    Modulation dm;
    Tensor dparts;  // of m: what dm's parts are slices of
    if (d.modulation.defined() || modulation.gradient()) {
        const int64_t sets = m.gate1.dim(0);
        dparts = zeros(ctx, {6 * sets, m.gate1.dim(1)});
        const auto part = [&](int64_t r) { return dparts.slice(r * sets, (r + 1) * sets); };
        dm = {part(0), part(1), part(2), part(3), part(4), part(5), m.sets};
    }
    const Backward shared{in, m, dm, d.text};
    const auto rows_of_dx = [&](const ops::Rows& rows, int64_t first) {
        return ops::Rows{in.order ? dx : dx.slice(first, first + rows.count()), rows.indices, rows.tokens};
    };
    auto inputs = self_attn.make_inputs(ctx, x.dim(0), ctx.compute_type(), true);
    for_rows(ctx, x, in.order,
             [&](const ops::Rows& rows, int64_t first) { before_attention(ctx, rows, first, m, in, inputs); });
    ops::AttentionGradients dinputs;
    {
        ops::AttentionSaved saved;
        Tensor attended = self_attn.attend(ctx, inputs, in.windows, &saved);
        Tensor dattended = empty_like(ctx, attended);
        for_rows(ctx, x, in.order, [&](const ops::Rows& rows, int64_t first) {
            const int64_t last = first + rows.count();
            ops::Rows gradient = rows_of_dx(rows, first);
            Tensor to = dattended.slice(first, last);
            after_attention_backward(ctx, rows, gradient, attended.slice(first, last), to, shared);
        });
        attended = {};
        dinputs = self_attn.attend_backward(ctx, inputs, in.windows, saved, dattended, deterministic);
    }
    for_rows(ctx, x, in.order, [&](const ops::Rows& rows, int64_t first) {
        ops::Rows gradient = rows_of_dx(rows, first);
        before_attention_backward(ctx, rows, gradient, first, shared, inputs, dinputs);
    });
    if (dparts.defined()) modulation_rows_backward<6>(ctx, dparts, asked(d.modulation), modulation);
}

}  // namespace t3video::models
