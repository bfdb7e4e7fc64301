// The transformer's training pass: its forward with a tape, and the backward of its parts.
#include <utility>
#include <vector>

#include "models/wan_dit/model.h"
#include "models/wan_dit/modulation.h"
#include "ops/norm.h"

namespace t3video::models {

void DitTape::clear() {
    state.reset();
    streams.clear();
}

Tensor WanDit::forward(Context& ctx, const Tensor& latents, std::span<const DitSample> samples,
                       const t3::LayoutWindows& windows, DitTape& tape) const {
    require(latents.rank() == 5, "dit: latents ", latents.shape(),
            ", expected [samples, channels, frames, rows, columns]");
    tape.clear();
    tape.latents = latents;
    std::vector<TextRows> prompts;
    for (const DitSample& sample : samples) prompts.push_back(sample.text);
    tape.text_rows = text_input(ctx, prompts);
    tape.embedded_text = embed(ctx, tape.text_rows);
    const EmbeddedText text{tape.embedded_text, prompt_rows(prompts)};
    tape.text = std::make_unique<TextContext>(std::move(text_keys(ctx, {&text, 1}).front()));
    tape.state.emplace(enter(ctx, latents, samples, *tape.text));
    for (int64_t layer = 0; layer < config_.layers; ++layer) {
        tape.streams.keep(ctx, tape.state->x);
        blocks(ctx, {&*tape.state, 1}, windows, layer, layer + 1);
    }
    return ops::unpatchify_samples(ctx, head_rows(ctx, *tape.state), tape.state->rope.grid);
}

void WanDit::backward(Context& ctx, const Tensor& dvelocity, const t3::LayoutWindows& windows, DitTape& tape) const {
    require(tape.state.has_value(), "dit: the tape has no forward");
    DitBranchState& state = *tape.state;
    const bool time_is_trained = time_in_.trained() || time_out_.trained() || time_projection_.trained();
    Tensor dtime;
    if (time_is_trained) dtime = zeros(ctx, state.time.shape());
    Tensor dx = leave_backward(ctx, dvelocity, state, time_is_trained ? &dtime : nullptr);
    state.x = {};
    BlockGradients d;
    if (time_is_trained) d.modulation = zeros(ctx, {6 * state.time.dim(0), config_.dim});
    Tensor dtext = zeros(ctx, tape.embedded_text.shape());
    for (int64_t layer = config_.layers - 1; layer >= 0; --layer) {
        const auto i = static_cast<size_t>(layer);
        const Block& block = blocks_.at(ctx, i, i > 0 ? i - 1 : i);
        const TextKeys& text = state.text.layers[i];
        d.text = {zeros(ctx, text.k.shape()), zeros(ctx, text.v.shape()), text.prompts};
        const Tensor x = tape.streams.take(ctx);
        block.backward(ctx, x, dx, block_input(state, windows, layer), d, tape.deterministic);
        ops::add_to(ctx, dtext, block.cross_attn.keys_backward(ctx, tape.embedded_text, d.text));
    }
    enter_backward(ctx, dx, tape);
    if (time_is_trained) time_backward(ctx, tape, std::move(dtime), d.modulation);
    if (text_in_.trained() || text_out_.trained()) text_backward(ctx, tape, dtext);
    tape.clear();
}

// Of out = head(layer_norm(x) * (1 + scale) + shift), shift and scale from the time: the gradient of x.
Tensor WanDit::leave_backward(Context& ctx, const Tensor& dvelocity, const DitBranchState& s, Tensor* dtime) const {
    const auto [shift, scale] = modulation_rows<2>(ctx, s.time, head_modulation_);
    const Tensor h = ops::norm_modulate(ctx, {s.x}, scale, shift, s.sets, config_.eps);
    const Tensor dh = head_.backward(ctx, {h}, ops::unpatchify_backward(ctx, dvelocity));
    const int64_t sets = shift.dim(0);
    Tensor dparts, dshift, dscale;
    const bool asked = dtime || head_modulation_.gradient();
    if (asked) {
        dparts = zeros(ctx, {2 * sets, config_.dim});
        dshift = dparts.slice(0, sets);
        dscale = dparts.slice(sets, 2 * sets);
    }
    ops::Rows dx{zeros(ctx, s.x.shape())};
    ops::norm_modulate_backward(ctx, {s.x}, scale, s.sets, config_.eps, dh, dx, asked ? &dscale : nullptr,
                                asked ? &dshift : nullptr);
    if (asked) modulation_rows_backward<2>(ctx, dparts, dtime, head_modulation_);
    return dx.data;
}

void WanDit::enter_backward(Context& ctx, const Tensor& dx, const DitTape& tape) const {
    if (!patch_embedding_.trained()) return;
    const Tensor patches = ops::patchify(ctx, tape.latents);
    patch_embedding_.add_gradients(ctx, {patches}, ops::convert(ctx, dx, patches.dtype()));
}

// Of time = time_out(silu(time_in(sinusoid))) and modulation = time_projection(silu(time)).
void WanDit::time_backward(Context& ctx, const DitTape& tape, Tensor dtime, const Tensor& dmodulation) const {
    const Tensor& time = tape.state->time;
    const int64_t sets = time.dim(0), dim = config_.dim;
    std::vector<int64_t> by_set;  // set by set, row by row: as the projection lies
    for (int64_t set = 0; set < sets; ++set) {
        for (int64_t row = 0; row < 6; ++row) by_set.push_back(row * sets + set);
    }
    const Tensor dprojected =
        sets == 1 ? dmodulation : ops::take_rows(ctx, {dmodulation, from_span(ctx, by_set)}, DType::f32);
    const Tensor dactivated =
        time_projection_.backward(ctx, {ops::silu(ctx, time)}, dprojected.reshape({sets, 6 * dim}));
    ops::add_to(ctx, dtime, ops::silu_backward(ctx, time, dactivated));
    const Tensor x = sinusoids(ctx, tape.state->times), h = time_in_.forward(ctx, x);
    const Tensor dh = time_out_.backward(ctx, {ops::silu(ctx, h)}, dtime);
    time_in_.add_gradients(ctx, {x}, ops::silu_backward(ctx, h, dh));
}

// Of text = text_out(gelu(text_in(rows))).
void WanDit::text_backward(Context& ctx, const DitTape& tape, const Tensor& dtext) const {
    const Tensor h = text_in_.forward(ctx, tape.text_rows);
    const Tensor dactivated = text_out_.backward(ctx, {ops::gelu_tanh(ctx, h)}, ops::convert(ctx, dtext, h.dtype()));
    text_in_.add_gradients(ctx, {tape.text_rows}, ops::gelu_tanh_backward(ctx, h, dactivated));
}

}  // namespace t3video::models
