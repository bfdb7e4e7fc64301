// The transformer's forward pass.
#include "models/wan_dit/model.h"

#include <algorithm>
#include <cmath>

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
                    std::span<const checkpoint::Lora> loras) {
    auto source = checkpoint::rename(checkpoint::open_network(weights, checkpoint::Network::dit), official_dit_name);
    for (const checkpoint::Lora& lora : loras) checkpoint::apply_lora(source, lora, official_dit_name);
    std::map<std::string, Shape> shapes;
    for (const auto& [name, stored] : source.tensors) shapes[name] = stored.tensor.shape();
    const DitConfig config = infer_dit_config(shapes, config_json, weights.string());
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

TextContext WanDit::embed_text(Context& ctx, const Tensor& context, int64_t padding_rows) const {
    require(context.rank() == 2 && context.dim(1) == config_.text_dim, "dit: context ", context.shape(),
            ", expected [rows, ", config_.text_dim, "]");
    Tensor rows = context;
    if (padding_rows > 0) rows = ops::concat(ctx, std::array{context, zeros(ctx, {1, config_.text_dim})});
    rows = ops::convert(ctx, rows, ctx.compute_type());
    const Tensor embedded = text_out_.forward(ctx, text_in_.forward(ctx, rows, ops::Activation::gelu_tanh));
    TextContext text;
    for (size_t i = 0; i < blocks_.size(); ++i)
        text.layers.push_back(blocks_.at(ctx, i, (i + 1) % blocks_.size())
                                  .cross_attn.keys(ctx, embedded, std::max<int64_t>(padding_rows, 1)));
    return text;
}

// [sets, dim]: the timestep alone, or timestep 0 first where the first frame is clean.
Tensor WanDit::time_embedding(Context& ctx, double timestep, bool first_frame_clean) const {
    Tensor x = sinusoid(ctx, timestep, config_.freq_dim);
    if (first_frame_clean) x = ops::concat(ctx, std::array{sinusoid(ctx, 0.0, config_.freq_dim), x});
    return time_out_.forward(ctx, time_in_.forward(ctx, x, ops::Activation::silu));
}

Tensor WanDit::forward(Context& ctx, const Tensor& latent, double timestep, const TextContext& text,
                       const t3::WindowPlan& windows, bool first_frame_clean) const {
    const Grid grid = grid_of(latent);
    require(latent.dim(0) == config_.in_channels, "dit: latent ", latent.shape(), " for ", config_.in_channels,
            " channels");
    require(windows.grid() == grid, "dit: windows of grid ", windows.grid(), " for a latent of grid ", grid);
    const ops::RopeTable rope = nn::make_rope_table(ctx, grid, config_.head_width());
    const Tensor e = time_embedding(ctx, timestep, first_frame_clean);
    const Tensor modulation = time_projection_.forward(ctx, ops::silu(ctx, e));
    const int64_t clean_tokens = first_frame_clean ? grid.h * grid.w : 0;

    Tensor x = ops::convert(ctx, patch_embedding_.forward(ctx, ops::patchify(ctx, latent)), DType::f32);
    for (size_t i = 0; i < blocks_.size(); ++i) {
        const auto layer = static_cast<int64_t>(i);
        blocks_.at(ctx, i, (i + 1) % blocks_.size())
            .forward(
                ctx, x,
                {modulation, clean_tokens, rope, windows.of_layer(layer), windows.row_order(layer), text.layers[i]});
    }
    const auto [shift, scale] = modulation_rows<2>(ctx, e, head_modulation_);
    x = head_.forward(ctx, ops::norm_modulate(ctx, {x}, scale, shift, clean_tokens, config_.eps));
    return ops::unpatchify(ctx, x, grid);
}

Tensor WanDit::self_attention(Context& ctx, int64_t layer, const Tensor& x, const Grid& grid,
                              const t3::LayerWindows& windows) const {
    const ops::RopeTable rope = nn::make_rope_table(ctx, grid, config_.head_width());
    return blocks_.at(ctx, static_cast<size_t>(layer), static_cast<size_t>(layer))
        .self_attn.forward(ctx, x, rope, windows);
}

}  // namespace t3video::models
