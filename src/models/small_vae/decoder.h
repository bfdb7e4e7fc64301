// Latent to video: the decoder of a small autoencoder.
#pragma once

#include <array>
#include <functional>

#include "models/small_vae/blocks.h"
#include "models/small_vae/config.h"

namespace t3video::models {

// Blocks, twice the resolution, and one or two frames of each.
struct GrowStage {
    BlockRow blocks;
    std::optional<Conv> widen;  // wide kernels: relu(conv), whose channels are then 2x2 pixels
    std::vector<Conv> frames;   // a kernel for each frame that one becomes; plain: of doubled pixels

    GrowStage() = default;
    GrowStage(const SmallVaeConfig& config, size_t stage);

    // What the kernels of `frames` read of the blocks' result, of frames of it.
    Tensor grown(Context& ctx, const Tensor& x) const;
    // Frame `index` of those that one of grown() becomes.
    void frame_into(Context& ctx, const Tensor& x, size_t index, bool relu, Tensor& y) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        blocks.for_each_param(prefix + "blocks.", visit);
        if (widen) widen->for_each_param(prefix + "widen.", visit);
        for (size_t i = 0; i < frames.size(); ++i)
            frames[i].for_each_param(prefix + "frames." + std::to_string(i) + ".", visit);
    }
};

class SmallDecoder {
  public:
    Conv first;
    std::array<GrowStage, SmallVaeConfig::kStages> stages;
    std::optional<Conv> last;  // plain; of wide kernels the last stage's frames are pixels already

    // Frames [1, H, W, 3], about -1..1, in order.
    using FrameSink = std::function<void(const Tensor& frame)>;

    explicit SmallDecoder(const SmallVaeConfig& config);

    // Rows of the latent on each side that a row of pixels depends on.
    int64_t reach() const;

    // latent: [T, h, w, z] of the compute type, a whole video. Its 1 + 4(T - 1) frames reach `sink`; the three in front
    // of them, which a decoder that makes four of each begins with, are not made.
    void forward(Context& ctx, const Tensor& latent, const FrameSink& sink) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        first.for_each_param(prefix + "first.", visit);
        for (size_t k = 0; k < stages.size(); ++k) stages[k].for_each_param(prefix + std::to_string(k) + ".", visit);
        if (last) last->for_each_param(prefix + "last.", visit);
    }

  private:
    struct Run {
        std::array<BlockRow::History, SmallVaeConfig::kStages> stages;
        int64_t made = 0;  // frames of the last stage, with those that are dropped
        const FrameSink& sink;
    };
    // The frames that stage `k` was given, and what follows from them.
    void run_from(Context& ctx, size_t k, Run& run) const;
    void finish(Context& ctx, const Tensor& x, Run& run) const;

    SmallVaeConfig config_;
};

}  // namespace t3video::models
