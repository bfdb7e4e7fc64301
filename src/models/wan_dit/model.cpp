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

// Timesteps of the sets that tokens take: of each sample its own, behind that of the frames in front where some of any
// sample are clean.
std::vector<double> times_of_sets(std::span<const DitSample> samples) {
    const bool clean = std::ranges::any_of(samples, [](const DitSample& s) { return s.conditioning.clean_frames > 0; });
    std::vector<double> times;
    for (const DitSample& s : samples) {
        if (clean) times.push_back(s.conditioning.clean_frames > 0 ? 0.0 : s.timestep);
        times.push_back(s.timestep);
    }
    return times;
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
    require((latent.rank() == 4 || latent.rank() == 5) && latent.dim(-2) % 2 == 0 && latent.dim(-1) % 2 == 0,
            "dit: latent ", latent.shape(), ", expected [channels, frames, rows, columns] with even rows and columns");
    return {latent.dim(-3), latent.dim(-2) / 2, latent.dim(-1) / 2};
}

Tensor WanDit::text_input(Context& ctx, std::span<const TextRows> prompts) const {
    std::vector<Tensor> parts;
    Tensor zero_row;
    for (const auto& [rows, padding] : prompts) {
        require(rows.rank() == 2 && rows.dim(1) == config_.text_dim, "dit: text rows ", rows.shape(),
                ", expected [rows, ", config_.text_dim, "]");
        parts.push_back(rows);
        if (padding <= 0) continue;
        if (!zero_row.defined()) zero_row = zeros(ctx, {1, config_.text_dim});
        parts.push_back(zero_row);
    }
    return ops::convert(ctx, parts.size() == 1 ? parts.front() : ops::concat(ctx, parts), ctx.compute_type());
}

Tensor WanDit::embed(Context& ctx, const Tensor& text_input) const {
    return text_out_.forward(ctx, text_in_.forward(ctx, text_input, ops::Activation::gelu_tanh));
}

std::vector<TextContext> WanDit::embed_text(Context& ctx, std::span<const TextRows> prompts) const {
    std::vector<EmbeddedText> texts;
    for (const TextRows& prompt : prompts)
        texts.push_back({embed(ctx, text_input(ctx, {&prompt, 1})), prompt_rows({&prompt, 1})});
    return text_keys(ctx, texts);
}

std::vector<TextContext> WanDit::text_keys(Context& ctx, std::span<const EmbeddedText> texts) const {
    std::vector<TextContext> keys(texts.size());
    for (size_t layer = 0; layer < blocks_.size(); ++layer) {
        const Block& block = blocks_.at(ctx, layer, (layer + 1) % blocks_.size());
        for (size_t i = 0; i < texts.size(); ++i)
            keys[i].layers.push_back(block.cross_attn.keys(ctx, texts[i].rows, texts[i].prompts));
    }
    return keys;
}

TextContext WanDit::embed_text(Context& ctx, const Tensor& rows, int64_t padding) const {
    return std::move(embed_text(ctx, std::array{TextRows{rows, padding}}).front());
}

std::vector<PromptRows> WanDit::prompt_rows(std::span<const TextRows> prompts) {
    std::vector<PromptRows> all;
    for (const auto& [rows, padding] : prompts)
        all.push_back({rows.dim(0) + (padding > 0 ? 1 : 0), std::max<int64_t>(padding, 1)});
    return all;
}

// A row for each time: cosines, then sines, of time * 10000^(-i / (length/2)).
Tensor WanDit::sinusoids(Context& ctx, std::span<const double> times) const {
    const int64_t length = config_.freq_dim, half = length / 2;
    std::vector<float> x(times.size() * static_cast<size_t>(length), 0.0f);
    float* row = x.data();
    for (const double time : times) {
        for (int64_t i = 0; i < half; ++i) {
            const double angle = time * std::pow(10000.0, -double(i) / double(half));
            row[i] = static_cast<float>(std::cos(angle));
            row[half + i] = static_cast<float>(std::sin(angle));
        }
        row += length;
    }
    return from_span(ctx, x, {static_cast<int64_t>(times.size()), length});
}

Tensor WanDit::embed_times(Context& ctx, std::span<const double> times, bool projected) const {
    const Tensor time = time_out_.forward(ctx, time_in_.forward(ctx, sinusoids(ctx, times), ops::Activation::silu));
    return projected ? project_times(ctx, time) : time;
}

Tensor WanDit::project_times(Context& ctx, const Tensor& time) const {
    return time_projection_.forward(ctx, ops::silu(ctx, time));
}

BlockInput WanDit::block_input(const DitBranchState& s, const t3::LayoutWindows& windows, int64_t layer) const {
    return {s.modulation,
            s.sets,
            s.rope,
            windows.of_layer(layer),
            windows.row_order(layer),
            s.text.layers.at(static_cast<size_t>(layer))};
}

DitBranchState WanDit::enter(Context& ctx, const Tensor& latent, double timestep, const DitBranch& branch) const {
    require(latent.rank() == 4, "dit: latent ", latent.shape(), ", expected one sample's");
    const DitSample sample{.timestep = timestep, .conditioning = branch.conditioning};
    return enter(ctx, latent, {&sample, 1}, branch.text);
}

DitBranchState WanDit::enter(Context& ctx, const Tensor& latents, std::span<const DitSample> samples,
                             const TextContext& text) const {
    const Grid grid = grid_of(latents);
    const auto count = static_cast<int64_t>(samples.size());
    require(latents.dim(-4) == config_.in_channels, "dit: latent ", latents.shape(), " for ", config_.in_channels,
            " channels");
    require(count >= 1 && count == (latents.rank() == 5 ? latents.dim(0) : 1), "dit: latents ", latents.shape(), " of ",
            count, " samples");
    int64_t clean = 0;
    for (const DitSample& s : samples) clean = std::max(clean, s.conditioning.clean_frames);
    for (const DitSample& s : samples) {
        const int64_t frames = s.conditioning.clean_frames;
        require(frames >= 0 && frames <= grid.t, "dit: ", frames, " clean frames of ", grid.t);
        require(frames == 0 || frames == clean, "dit: ", frames, " clean frames beside ", clean, " of another sample");
    }
    DitBranchState state{text, nn::make_rope_table(ctx, grid, config_.head_width())};
    state.rope.samples = count;
    state.times = times_of_sets(samples);
    state.time = embed_times(ctx, state.times, false);
    state.modulation = project_times(ctx, state.time);
    state.sets = {clean * grid.h * grid.w, count, grid.tokens()};
    state.x = ops::convert(ctx, patch_embedding_.forward(ctx, ops::patchify(ctx, latents)), DType::f32);
    return state;
}

void WanDit::blocks(Context& ctx, std::span<DitBranchState> states, const t3::LayoutWindows& windows, int64_t first,
                    int64_t last) const {
    for (const DitBranchState& s : states)
        require(windows.grid() == s.rope.grid && windows.samples() == s.rope.samples, "dit: windows of ",
                windows.samples(), " grids ", windows.grid(), " for latents of ", s.rope.samples, " grids ",
                s.rope.grid);
    for (int64_t layer = first; layer < last; ++layer) {
        const auto i = static_cast<size_t>(layer);
        const Block& block = blocks_.at(ctx, i, (i + 1) % blocks_.size());
        for (DitBranchState& s : states) block.forward(ctx, s.x, block_input(s, windows, layer));
    }
}

Tensor WanDit::head_rows(Context& ctx, DitBranchState s) const {
    const auto [shift, scale] = modulation_rows<2>(ctx, s.time, head_modulation_);
    return head_.forward(ctx, ops::norm_modulate(ctx, {s.x}, scale, shift, s.sets, config_.eps));
}

Tensor WanDit::leave(Context& ctx, DitBranchState s) const {
    const Grid grid = s.rope.grid;
    return ops::unpatchify(ctx, head_rows(ctx, std::move(s)), grid);
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
