// The transformer's forward pass.
#include "models/wan_dit/model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "checkpoint/gguf/gguf.h"
#include "checkpoint/load.h"
#include "checkpoint/single_file.h"
#include "models/wan_dit/modulation.h"
#include "models/wan_dit/names.h"
#include "nn/rope.h"
#include "ops/norm.h"

namespace t3video::models {
namespace {

// [1, length]: cosines, then sines, of timestep * 10000^(-i / (length/2)).
Tensor sinusoid(Context& ctx, double timestep, int64_t length) {
    const int64_t half = length / 2;
    std::vector<float> x(static_cast<size_t>(length), 0.0f);
    for (int64_t i = 0; i < half; ++i) {
        const double angle = timestep * std::pow(10000.0, -double(i) / double(half));
        x[static_cast<size_t>(i)] = static_cast<float>(std::cos(angle));
        x[static_cast<size_t>(half + i)] = static_cast<float>(std::sin(angle));
    }
    return from_span(ctx, x, {1, length});
}

// GGUF has four axes: some converters fold those of the patch embedding. Its bias tells the width.
void unfold_patch_embedding(checkpoint::TensorSource& source) {
    const auto weight = source.tensors.find("patch_embedding.weight"),
               bias = source.tensors.find("patch_embedding.bias");
    if (weight == source.tensors.end()) return;
    Stored& folded = weight->second.tensor;
    const bool known = bias != source.tensors.end();
    if (folded.rank() == 5 && (!known || folded.dim(0) == bias->second.tensor.numel())) return;
    require_valid(known, checkpoint::origin_of(source), ": tensor 'patch_embedding.bias' is missing");
    const int64_t dim = bias->second.tensor.numel(), patch = 4;
    if (dim == 0 || folded.numel() % (dim * patch) != 0) return;  // which infer_dit_config refuses
    const Shape shape{dim, folded.numel() / (dim * patch), 1, 2, 2};
    if (checkpoint::is_folding(folded.shape(), shape)) folded = folded.reshape(shape);
}

}  // namespace

WanDit::WanDit(const DitConfig& c)
    : config_(c),
      patch_embedding_(Shape{c.dim, c.in_channels, 1, 2, 2}, true),
      text_in_(c.text_dim, c.dim),
      text_out_(c.dim, c.dim),
      time_in_(c.freq_dim, c.dim),
      time_out_(c.dim, c.dim),
      time_projection_(c.dim, 6 * c.dim),
      blocks_(std::vector<Block>(static_cast<size_t>(c.layers), Block(c))),
      head_modulation_(Shape{1, 2, c.dim}, nn::Role::scale),
      head_(c.dim, 4 * c.out_channels) {}

WanDit WanDit::load(const std::filesystem::path& weights, const std::filesystem::path& config_json,
                    std::span<const checkpoint::Lora> loras, checkpoint::Notes* notes) {
    auto source =
        checkpoint::rename(checkpoint::open_network(weights, checkpoint::Network::dit, notes), official_dit_name);
    unfold_patch_embedding(source);
    for (const checkpoint::Lora& lora : loras) checkpoint::apply_lora(source, lora, diffusers_dit_name, notes);
    std::map<std::string, Shape> shapes;
    for (const auto& [name, stored] : source.tensors) shapes[name] = stored.tensor.shape();
    const DitConfig config = infer_dit_config(shapes, config_json, checkpoint::origin_of(source));
    require_valid(!config.image_branch && config.in_channels == config.out_channels, weights.string(),
                  ": this is an image-to-video model; text-to-video models (T2V, TI2V) are supported");
    WanDit model(config);
    checkpoint::load_params(model, source);
    return model;
}

Grid WanDit::grid_of(const Tensor& latent) {
    require(latent.rank() == 4 && latent.dim(2) % 2 == 0 && latent.dim(3) % 2 == 0, "dit: latent ", latent.shape(),
            ", expected [channels, frames, rows, columns] with even rows and columns");
    return {latent.dim(1), latent.dim(2) / 2, latent.dim(3) / 2};
}

Tensor WanDit::text_input(Context& ctx, const TextRows& text) const {
    require(text.rows.rank() == 2 && text.rows.dim(1) == config_.text_dim, "dit: text rows ", text.rows.shape(),
            ", expected [rows, ", config_.text_dim, "]");
    Tensor rows = text.rows;
    if (text.padding > 0) rows = ops::concat(ctx, std::array{rows, zeros(ctx, {1, config_.text_dim})});
    return ops::convert(ctx, rows, ctx.compute_type());
}

Tensor WanDit::embed(Context& ctx, const Tensor& text_input) const {
    return text_out_.forward(ctx, text_in_.forward(ctx, text_input, ops::Activation::gelu_tanh));
}

std::vector<TextContext> WanDit::embed_text(Context& ctx, std::span<const TextRows> prompts) const {
    std::vector<Tensor> embedded;
    for (const TextRows& prompt : prompts) embedded.push_back(embed(ctx, text_input(ctx, prompt)));
    return text_keys(ctx, prompts, embedded);
}

std::vector<TextContext> WanDit::text_keys(Context& ctx, std::span<const TextRows> prompts,
                                           std::span<const Tensor> embedded) const {
    std::vector<TextContext> texts(prompts.size());
    for (size_t layer = 0; layer < blocks_.size(); ++layer) {
        const Block& block = blocks_.at(ctx, layer, (layer + 1) % blocks_.size());
        for (size_t i = 0; i < prompts.size(); ++i) {
            const int64_t last_rows = std::max<int64_t>(prompts[i].padding, 1);
            texts[i].layers.push_back(block.cross_attn.keys(ctx, embedded[i], last_rows));
        }
    }
    return texts;
}

TextContext WanDit::embed_text(Context& ctx, const Tensor& rows, int64_t padding) const {
    return std::move(embed_text(ctx, std::array{TextRows{rows, padding}}).front());
}

Tensor WanDit::sinusoids(Context& ctx, double timestep, const Conditioning& conditioning) const {
    Tensor time = sinusoid(ctx, timestep, config_.freq_dim);
    if (conditioning.clean_frames == 0) return time;
    return ops::concat(ctx, std::array{sinusoid(ctx, 0.0, config_.freq_dim), time});
}

BlockInput WanDit::block_input(const DitBranchState& s, const t3::LayoutWindows& windows, int64_t layer) const {
    return {s.modulation,
            s.clean_tokens,
            s.rope,
            windows.of_layer(layer),
            windows.row_order(layer),
            s.text.layers.at(static_cast<size_t>(layer))};
}

DitBranchState WanDit::enter(Context& ctx, const Tensor& latent, double timestep, const DitBranch& branch) const {
    const Grid grid = grid_of(latent);
    const int64_t clean = branch.conditioning.clean_frames;
    require(latent.dim(0) == config_.in_channels, "dit: latent ", latent.shape(), " for ", config_.in_channels,
            " channels");
    require(clean >= 0 && clean <= grid.t, "dit: ", clean, " clean frames of ", grid.t);
    DitBranchState state{branch.text, nn::make_rope_table(ctx, grid, config_.head_width())};
    const Tensor time = sinusoids(ctx, timestep, branch.conditioning);
    state.time = time_out_.forward(ctx, time_in_.forward(ctx, time, ops::Activation::silu));
    state.modulation = time_projection_.forward(ctx, ops::silu(ctx, state.time));
    state.clean_tokens = clean * grid.h * grid.w;
    state.x = ops::convert(ctx, patch_embedding_.forward(ctx, ops::patchify(ctx, latent)), DType::f32);
    return state;
}

void WanDit::blocks(Context& ctx, std::span<DitBranchState> states, const t3::LayoutWindows& windows, int64_t first,
                    int64_t last) const {
    for (const DitBranchState& s : states)
        require(windows.grid() == s.rope.grid, "dit: windows of grid ", windows.grid(), " for a latent of grid ",
                s.rope.grid);
    for (int64_t layer = first; layer < last; ++layer) {
        const auto i = static_cast<size_t>(layer);
        const Block& block = blocks_.at(ctx, i, (i + 1) % blocks_.size());
        for (DitBranchState& s : states) block.forward(ctx, s.x, block_input(s, windows, layer));
    }
}

Tensor WanDit::leave(Context& ctx, DitBranchState s) const {
    const auto [shift, scale] = modulation_rows<2>(ctx, s.time, head_modulation_);
    s.x = head_.forward(ctx, ops::norm_modulate(ctx, {s.x}, scale, shift, s.clean_tokens, config_.eps));
    return ops::unpatchify(ctx, s.x, s.rope.grid);
}

std::vector<Tensor> WanDit::forward(Context& ctx, const Tensor& latent, double timestep,
                                    std::span<const DitBranch> branches, const t3::LayoutWindows& windows) const {
    std::vector<DitBranchState> states;
    for (const DitBranch& branch : branches) states.push_back(enter(ctx, latent, timestep, branch));
    blocks(ctx, states, windows, 0, config_.layers);
    std::vector<Tensor> velocities;
    for (DitBranchState& state : states) velocities.push_back(leave(ctx, std::move(state)));
    return velocities;
}

Tensor WanDit::forward(Context& ctx, const Tensor& latent, double timestep, const TextContext& text,
                       const t3::LayoutWindows& windows, const Conditioning& conditioning) const {
    return forward(ctx, latent, timestep, std::array{DitBranch{text, conditioning}}, windows).front();
}

Tensor WanDit::self_attention(Context& ctx, int64_t layer, const Tensor& x, const Grid& grid,
                              const t3::LayerWindows& windows) const {
    const ops::RopeTable rope = nn::make_rope_table(ctx, grid, config_.head_width());
    return blocks_.at(ctx, static_cast<size_t>(layer), static_cast<size_t>(layer))
        .self_attn.forward(ctx, x, rope, windows);
}

}  // namespace t3video::models
