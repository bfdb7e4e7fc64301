// The Wan2.1 and Wan2.2 VAEs: video to latent and back, in bounded memory whatever the number of frames.
#pragma once

#include <filesystem>
#include <functional>

#include "checkpoint/tensor_source.h"
#include "models/wan_vae/config.h"
#include "models/wan_vae/decoder.h"
#include "models/wan_vae/encoder.h"
#include "models/wan_vae/latent_stats.h"
#include "nn/layer_store.h"

namespace t3video::models {

struct DecodeOptions {
    // Rows of the video that are decoded at a time, rounded up to whole latent rows; 0: all of them. The result is the
    // same but for rounding; session::plan_decode chooses.
    int64_t band_rows = 0;
};

class WanVae {
  public:
    // Frames [first, first + count) of a video, [count, H, W, 3] in -1..1.
    using FrameSource = std::function<Tensor(int64_t first, int64_t count)>;
    // Rows of decoded frames, [n, rows, W, 3] f32, about -1..1, not clamped, and where in the video they belong.
    using BandSink = Decoder::BandSink;

    // Opens a .pth or .safetensors file in the official or the diffusers layout; all sizes come from its tensors, which
    // stay mapped. Throws InvalidRequest naming the file when it is no Wan VAE.
    static WanVae load(const std::filesystem::path& file, checkpoint::Notes* notes = nullptr);

    // An empty model of these sizes, to be filled through for_each_param.
    explicit WanVae(const VaeConfig& config);

    const VaeConfig& config() const { return config_; }
    int64_t parameters();  // number of values

    // latent: [z, T, h, w] f32, normalised. Calls `sink` with the 1 + (T-1)*stride_t frames, some at a time: the bands
    // of rows from top to bottom, and of each band all frames in order. Throws InvalidRequest for another shape.
    void decode(Context& ctx, const Tensor& latent, const BandSink& sink, const DecodeOptions& options = {}) const;

    // Frames must number 1 + k*stride_t and their sides be multiples of stride_hw: InvalidRequest otherwise.
    // Returns the normalised mean, [z, 1 + k, h, w] f32.
    Tensor encode(Context& ctx, const Tensor& video) const;  // [frames, H, W, 3] f32, -1..1
    Tensor encode(Context& ctx, int64_t frames, int64_t height, int64_t width, const FrameSource& source) const;

    enum class Half { encoder, decoder };
    // nn::prepared calls this: it prepares the convolutions of one half where `residency` is packed.
    void prepare_layers(Context& ctx, nn::Residency residency, Half half);

    // The official names.
    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        encoder_.for_each_param(prefix + "encoder.", visit);
        quant_.for_each_param(prefix + "conv1.", visit);
        post_quant_.for_each_param(prefix + "conv2.", visit);
        decoder_.for_each_param(prefix + "decoder.", visit);
    }

  private:
    LatentStats stats() const;

    VaeConfig config_;
    Encoder encoder_;
    nn::CausalConv3d quant_, post_quant_;  // 1x1x1, behind the encoder and in front of the decoder
    Decoder decoder_;
};

}  // namespace t3video::models
