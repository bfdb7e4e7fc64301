// Latent to video: the decoder half of a Wan VAE.
#pragma once

#include <functional>
#include <span>

#include "models/wan_vae/bands.h"
#include "models/wan_vae/blocks.h"
#include "models/wan_vae/config.h"
#include "models/wan_vae/names.h"
#include "models/wan_vae/resample.h"

namespace t3video::models {

// Residual blocks, then doubling. A Wan2.2 stage that doubles adds its input, repeated, to its output.
struct UpStage {
    struct History {
        std::vector<ResBlock::History> blocks;
        Upsample::History up;
        nn::HaloRows shortcut;
    };

    std::vector<ResBlock> blocks;
    std::optional<Upsample> up;
    bool shortcut;

    UpStage(const VaeStage& stage, int64_t in, bool with_shortcut);
    nn::Halo halo() const;
    nn::BandEdges start(const nn::BandEdges& band, History& history) const;  // returns the band of the result
    Tensor forward(Context& ctx, Tensor x, History& history) const;

    template <class Visit>
    void for_each_param(LayerNames& names, Visit&& visit) {
        for (ResBlock& block : blocks) {
            block.for_each_param(names.layer(), visit);
            names.next_layer();
        }
        if (up) {
            up->for_each_param(names.layer(), visit);
            names.next_layer();
        }
        names.next_stage();
    }
};

class Decoder {
  public:
    struct History {
        nn::ConvHistory conv1, head;
        MiddleBlock::History middle;
        std::vector<UpStage::History> stages;
    };
    using FrameSink = std::function<void(const Tensor& frames)>;  // [n, H, W, 3], about -1..1
    // Rows [n, rows, W, 3] of frames, in their place in the video.
    using BandSink = std::function<void(const Tensor& frames, int64_t first_frame, int64_t first_row)>;

    Decoder(const VaeConfig& config);

    nn::Halo halo() const;  // from the middle block's result, which depends on all rows of the latent, to pixels

    // latent: [T, h, w, z], the next frames of a video. Its pixels reach `sink` in order, some frames at a time: each
    // stage runs on slices of the frames of the one before, so that few frames of the largest size exist at once.
    void forward(Context& ctx, const Tensor& latent, History& history, const FrameSink& sink) const;

    // The whole video band after band, and each band frame after frame. All frames of the middle block's result stay in
    // memory, and the rows that bands hand on; in exchange what the layers above it hold covers one band only.
    void forward(Context& ctx, const Tensor& latent, std::span<const Band> bands, const BandSink& sink) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        conv1_.for_each_param(prefix + "conv1.", visit);
        middle_.for_each_param(prefix + "middle.", visit);
        LayerNames names(config_.version, prefix, "upsamples");
        for (UpStage& stage : stages_) stage.for_each_param(names, visit);
        head_.for_each_param(prefix + "head.", visit);
    }

  private:
    // The layers that see whole frames, up to the middle block: [T, h, w, z] -> [T, h, w, C].
    Tensor middle(Context& ctx, const Tensor& latent, History& history) const;
    // The layers above the middle block begin a band, whose frames are latent frames.
    void start(nn::BandEdges band, History& history) const;
    // Everything from stage `index` on.
    void run_from(Context& ctx, size_t index, Tensor x, History& history, const FrameSink& sink) const;

    VaeConfig config_;
    nn::CausalConv3d conv1_;
    MiddleBlock middle_;
    std::vector<UpStage> stages_;
    Head head_;
};

}  // namespace t3video::models
