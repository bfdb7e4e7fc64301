// The Wan diffusion transformer (Wan2.1 and 2.2): latent, timestep and text in, velocity out.
//
// Source: "Wan: Open and Advanced Large-Scale Video Generative Models". The windows of self-attention are an argument:
// one window is the original model, a T3 layout the retrofitted one; the weights are the same.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/lora.h"
#include "models/wan_dit/block.h"
#include "models/wan_dit/config.h"
#include "nn/layer_store.h"

namespace t3video::models {

// A prompt as the transformer sees it, computed once: keys and values of every layer.
struct TextContext {
    std::vector<TextKeys> layers;
};

class WanDit {
  public:
    // `weights`: safetensors (single or index) or GGUF, official or diffusers names, or a file of several networks
    // (checkpoint/single_file.h). `config_json` gives the number of heads. `loras` are added in this order. Throws
    // InvalidRequest naming file and tensor for a missing, extra or misshapen one.
    static WanDit load(const std::filesystem::path& weights, const std::filesystem::path& config_json,
                       std::span<const checkpoint::Lora> loras = {});
    // All parameters with their shapes and no values.
    explicit WanDit(const DitConfig& config);

    const DitConfig& config() const { return config_; }
    // Tokens of a latent [channels, T, 2H, 2W].
    static Grid grid_of(const Tensor& latent);

    // context: [rows, text_dim] text embeddings, used as given. `padding_rows` > 0 stands for that many further zero
    // rows: they are alike, so they become one key that counts so many times (exact).
    TextContext embed_text(Context& ctx, const Tensor& context, int64_t padding_rows = 0) const;

    // latent: [in_channels, T, 2H, 2W] f32 -> velocity [out_channels, T, 2H, 2W]. timestep: 0..1000.
    // first_frame_clean: the tokens of latent frame 0 are at timestep 0 (TI2V image conditioning).
    Tensor forward(Context& ctx, const Tensor& latent, double timestep, const TextContext& text,
                   const t3::WindowPlan& windows, bool first_frame_clean = false) const;

    // Self-attention of one block on its own, for comparing windows. x: [grid tokens, dim].
    Tensor self_attention(Context& ctx, int64_t layer, const Tensor& x, const Grid& grid,
                          const t3::LayerWindows& windows) const;

    // For nn::kept.
    void prepare_layers(Context& ctx, nn::Keep keep) { blocks_.prepare(ctx, keep); }

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        patch_embedding_.for_each_param(prefix + "patch_embedding.", visit);
        text_in_.for_each_param(prefix + "text_embedding.0.", visit);
        text_out_.for_each_param(prefix + "text_embedding.2.", visit);
        time_in_.for_each_param(prefix + "time_embedding.0.", visit);
        time_out_.for_each_param(prefix + "time_embedding.2.", visit);
        time_projection_.for_each_param(prefix + "time_projection.1.", visit);
        blocks_.for_each_param(prefix + "blocks.", visit);
        visit(prefix + "head.modulation", head_modulation_);
        head_.for_each_param(prefix + "head.head.", visit);
    }

  private:
    Tensor time_embedding(Context& ctx, double timestep, bool first_frame_clean) const;

    DitConfig config_;
    nn::Linear patch_embedding_, text_in_, text_out_, time_in_, time_out_, time_projection_;
    nn::LayerStore<Block> blocks_;
    nn::Param head_modulation_;
    nn::Linear head_;
};

}  // namespace t3video::models
