// Video to latent: the encoder half of a Wan VAE.
#pragma once

#include "models/wan_vae/blocks.h"
#include "models/wan_vae/config.h"
#include "models/wan_vae/names.h"
#include "models/wan_vae/resample.h"

namespace t3video::models {

// Residual blocks, then halving. Wan2.2 adds the average of the stage's input to its output.
struct DownStage {
    struct History {
        std::vector<ResBlock::History> blocks;
        Downsample::History down;
    };

    std::vector<ResBlock> blocks;
    std::optional<Downsample> down;
    bool shortcut;

    DownStage(const VaeStage& stage, int64_t in, bool with_shortcut);
    Tensor forward(Context& ctx, const Tensor& x, History& history) const;

    template <class Visit>
    void for_each_param(LayerNames& names, Visit&& visit) {
        for (ResBlock& block : blocks) {
            block.for_each_param(names.layer(), visit);
            names.next_layer();
        }
        if (down) {
            down->for_each_param(names.layer(), visit);
            names.next_layer();
        }
        names.next_stage();
    }
};

class Encoder {
  public:
    struct History {
        nn::ConvHistory conv1, head;
        std::vector<DownStage::History> stages;
        MiddleBlock::History middle;
    };

    Encoder(const VaeConfig& config);

    // frames: [T, H, W, 3] in -1..1 -> [T', h, w, 2z], mean and log-variance. At the start of a video T' = 1 + (T-1)/4,
    // later T' = T/4 (for time factor 4), both without remainder.
    Tensor forward(Context& ctx, const Tensor& frames, History& history) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        conv1_.for_each_param(prefix + "conv1.", visit);
        LayerNames names(version_, prefix, "downsamples");
        for (DownStage& stage : stages_) stage.for_each_param(names, visit);
        middle_.for_each_param(prefix + "middle.", visit);
        head_.for_each_param(prefix + "head.", visit);
    }

  private:
    VaeVersion version_;
    nn::CausalConv3d conv1_;
    std::vector<DownStage> stages_;
    MiddleBlock middle_;
    Head head_;
};

}  // namespace t3video::models
