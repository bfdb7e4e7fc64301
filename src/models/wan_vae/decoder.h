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
    struct Stream {
        std::vector<ResBlock::Stream> blocks;
        Upsample::Stream up;
        nn::BandRows input;

        void start(const nn::BandEdges& band, int64_t frames_out);
    };

    std::vector<ResBlock> blocks;
    std::optional<Upsample> up;
    bool shortcut;

    UpStage(const VaeStage& stage, int64_t in, bool with_shortcut);
    Stream start() const;
    Tensor forward(Context& ctx, Tensor x, Stream& stream) const;

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
    struct Stream {
        nn::ConvHistory conv1, head;
        MiddleBlock::Stream middle;
        std::vector<UpStage::Stream> stages;
    };
    using FrameSink = std::function<void(const Tensor& frames)>;  // [n, H, W, 3], about -1..1
    // Rows [n, rows, W, 3] of frames, in their place in the video.
    using BandSink = std::function<void(const Tensor& frames, int64_t first_frame, int64_t first_row)>;

    Decoder(const VaeConfig& config);

    Stream start() const;
    // latent: [T, h, w, z], the next frames of a video. Its pixels reach `sink` in order, some frames at a time: the
    // levels above run on slices of the frames below, so that few frames of the largest size exist at once.
    void forward(Context& ctx, const Tensor& latent, Stream& stream, const FrameSink& sink) const;

    // The whole video band after band, and each band frame after frame. All frames of the middle block's result are
    // kept, and of the layers above the rows that bands hand on; in exchange what these layers hold covers one band
    // only.
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
    Tensor middle(Context& ctx, const Tensor& latent, Stream& stream) const;
    // The layers above the middle block begin a band of a video of band.frames latent frames.
    void start(const nn::BandEdges& band, Stream& stream) const;
    // Everything from stage `index` on.
    void run_from(Context& ctx, size_t index, Tensor x, Stream& stream, const FrameSink& sink) const;

    VaeConfig config_;
    nn::CausalConv3d conv1_;
    MiddleBlock middle_;
    std::vector<UpStage> stages_;
    Head head_;
};

}  // namespace t3video::models
