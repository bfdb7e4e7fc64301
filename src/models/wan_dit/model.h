// The Wan diffusion transformer (Wan2.1 and 2.2): latent, timestep and text in, velocity out.
//
// Source: "Wan: Open and Advanced Large-Scale Video Generative Models". The windows of self-attention are an argument:
// one window is the original model, a T3 layout the retrofitted one; the weights are the same.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/lora/lora.h"
#include "models/wan_dit/block.h"
#include "models/wan_dit/config.h"
#include "nn/layer_store.h"
#include "nn/stream_store.h"

namespace t3video::models {

// A prompt as the transformer sees it, computed once: keys and values of every layer.
struct TextContext {
    std::vector<TextKeys> layers;
};

// A prompt as the text encoder leaves it.
struct TextRows {
    Tensor rows;  // [rows, text_dim], used as given
    // > 0 stands for that many further zero rows: they are alike, so they become one key that counts so many times
    // (exact).
    int64_t padding = 0;
};

// What a velocity depends on beside the prompt.
struct Conditioning {
    int64_t clean_frames = 0;  // latent frames at the front that are done: their tokens are at timestep 0
};

// One of the velocities that guidance asks for at the same latent.
struct DitBranch {
    const TextContext& text;
    Conditioning conditioning = {};
};

// A branch on its way through the layers.
struct DitBranchState {
    const TextContext& text;
    ops::RopeTable rope;
    // A timestep for each sample; where a sample has clean frames two for each, that of its frames in front first.
    std::vector<double> times = {};
    Tensor time;          // [sets, dim]: the same, embedded
    Tensor modulation;    // [sets, 6*dim]: the same, projected
    ops::TokenSets sets;  // which of them a token takes
    Tensor x;             // [tokens, dim] f32: the residual stream
};

// One of several samples that a training pass takes together, one behind another in the stream: what is its own beside
// its latent.
struct DitSample {
    double timestep = 0;  // 0..1000
    TextRows text = {};
    Conditioning conditioning = {};
};

// What a forward pass leaves for its backward, and how both go about it. Serves one step after another.
struct DitTape {
    nn::StreamStore streams;
    bool deterministic = false;  // the same bits every time, as ops::window_attention_backward

    Tensor latents;                          // [samples, channels, T, 2H, 2W]
    Tensor text_rows, embedded_text;         // [rows, text_dim], [rows, dim]: of all prompts
    std::unique_ptr<TextContext> text = {};  // `state` refers to it
    std::optional<DitBranchState> state = {};

    // As before a forward pass, whatever became of the last one.
    void clear();
};

class WanDit {
  public:
    // `weights`: safetensors (single or index) or GGUF, official or diffusers names, or a file of several networks
    // (checkpoint/single_file.h). `config_json` gives the number of heads. `loras` are added in this order. `notes`
    // gets what the user should know of the files. Throws InvalidRequest naming file and tensor for a missing, extra or
    // misshapen one.
    static WanDit load(const std::filesystem::path& weights, const std::filesystem::path& config_json,
                       std::span<const checkpoint::Lora> loras = {}, checkpoint::Notes* notes = nullptr);
    // All parameters with their shapes and no values.
    explicit WanDit(const DitConfig& config);

    const DitConfig& config() const { return config_; }
    // Tokens of a latent [channels, T, 2H, 2W], or of each of several, [samples, channels, T, 2H, 2W].
    static Grid grid_of(const Tensor& latent);

    // Every prompt, in one walk over the layers.
    std::vector<TextContext> embed_text(Context& ctx, std::span<const TextRows> prompts) const;
    TextContext embed_text(Context& ctx, const Tensor& rows, int64_t padding = 0) const;

    // Of each of these timesteps the embedding, [times, dim], or its projection, [times, 6*dim].
    Tensor embed_times(Context& ctx, std::span<const double> times, bool projected) const;

    // latent: [in_channels, T, 2H, 2W] f32 -> the velocity of each branch, [out_channels, T, 2H, 2W]. timestep:
    // 0..1000. Branches cross the layers together, in one walk, and take the memory of a residual stream each; their
    // bits are those of each alone.
    std::vector<Tensor> forward(Context& ctx, const Tensor& latent, double timestep,
                                std::span<const DitBranch> branches, const t3::LayoutWindows& windows) const;
    Tensor forward(Context& ctx, const Tensor& latent, double timestep, const TextContext& text,
                   const t3::LayoutWindows& windows, const Conditioning& conditioning = {}) const;

    // Its three parts. What stands in front of the layers;
    DitBranchState enter(Context& ctx, const Tensor& latent, double timestep, const DitBranch& branch) const;
    // layers `first` to `last` - 1, each for all branches before the next one is asked for;
    void blocks(Context& ctx, std::span<DitBranchState> states, const t3::LayoutWindows& windows, int64_t first,
                int64_t last) const;
    // what follows them: the velocity.
    Tensor leave(Context& ctx, DitBranchState state) const;

    // forward() for training, of samples of one grid in one stream: [samples, in_channels, T, 2H, 2W] f32 -> their
    // velocities, [samples, out_channels, T, 2H, 2W]; windows of as many samples. In front of each block the stream is
    // rounded to the type of the tape's store. It keeps the stream of those places, and computes everything else again
    // when backward() asks for it. Clean frames are as many in all samples that have some.
    Tensor forward(Context& ctx, const Tensor& latents, std::span<const DitSample> samples,
                   const t3::LayoutWindows& windows, DitTape& tape) const;
    // Adds the gradients of all parameters that are trained. dvelocity: of the velocities that forward() left on the
    // tape, of their shape, f32.
    void backward(Context& ctx, const Tensor& dvelocity, const t3::LayoutWindows& windows, DitTape& tape) const;

    // Self-attention of one block on its own, for comparing windows. x: [grid tokens, dim].
    Tensor self_attention(Context& ctx, int64_t layer, const Tensor& x, const Grid& grid,
                          const t3::LayerWindows& windows) const;

    // nn::prepared calls this.
    void prepare_layers(Context& ctx, nn::Residency residency) { blocks_.prepare(ctx, residency); }

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

    // The linear maps of the blocks.
    template <class Visitor>
    void for_each_linear(const std::string& prefix, Visitor&& visit) {
        blocks_.for_each_linear(prefix + "blocks.", visit);
    }

  private:
    // Prompts of one stream, one behind another: as text_in_ takes them,
    Tensor text_input(Context& ctx, std::span<const TextRows> prompts) const;
    static std::vector<PromptRows> prompt_rows(std::span<const TextRows> prompts);
    Tensor embed(Context& ctx, const Tensor& text_input) const;
    // and behind the embedding.
    struct EmbeddedText {
        Tensor rows;
        std::vector<PromptRows> prompts;
    };
    // Keys and values of every layer, of each of some streams' prompts, in one walk.
    std::vector<TextContext> text_keys(Context& ctx, std::span<const EmbeddedText> texts) const;
    // Of rank 4 the latent of one sample.
    DitBranchState enter(Context& ctx, const Tensor& latents, std::span<const DitSample> samples,
                         const TextContext& text) const;
    Tensor sinusoids(Context& ctx, std::span<const double> times) const;  // [times, freq_dim]
    Tensor project_times(Context& ctx, const Tensor& time) const;
    // The head's rows, [tokens, 4*out_channels].
    Tensor head_rows(Context& ctx, DitBranchState state) const;
    BlockInput block_input(const DitBranchState& state, const t3::LayoutWindows& windows, int64_t layer) const;
    // The backward of each part of the model. dtime: [sets, dim], dmodulation: as BlockGradients, dtext: [rows, dim],
    // f32.
    Tensor leave_backward(Context& ctx, const Tensor& dvelocity, const DitBranchState& state, Tensor* dtime) const;
    void enter_backward(Context& ctx, const Tensor& dx, const DitTape& tape) const;
    void time_backward(Context& ctx, const DitTape& tape, Tensor dtime, const Tensor& dmodulation) const;
    void text_backward(Context& ctx, const DitTape& tape, const Tensor& dtext) const;

    DitConfig config_;
    nn::Linear patch_embedding_, text_in_, text_out_, time_in_, time_out_, time_projection_;
    nn::LayerStore<Block> blocks_;
    nn::Param head_modulation_;
    nn::Linear head_;
};

}  // namespace t3video::models
