// Small video autoencoders (taehv): what a VAE's decoder shows at a few per cent of its work, and their own encoders.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "checkpoint/tensor_source.h"
#include "models/small_vae/config.h"
#include "models/small_vae/decoder.h"
#include "models/small_vae/encoder.h"
#include "models/small_vae/latent_scale.h"
#include "models/wan_vae/wan_vae.h"
#include "nn/layer_store.h"

namespace t3video::models {

// Whether a file of weights holds a small autoencoder, by the names in it.
bool is_small_vae(const std::filesystem::path& file);

class SmallVae {
  public:
    using FrameSource = WanVae::FrameSource;
    using BandSink = WanVae::BandSink;

    // Opens a .pth or .safetensors file under the published names; all sizes come from its tensors. Without `scale` the
    // file's name tells. Throws InvalidRequest naming the file when it is no
    // small autoencoder, or takes raw latents of a number of channels whose statistics are not known.
    static SmallVae load(const std::filesystem::path& file, std::optional<LatentScale> scale = {},
                         checkpoint::Notes* notes = nullptr);

    // An empty model of these sizes, to be filled through for_each_param.
    explicit SmallVae(const SmallVaeConfig& config, LatentScale scale = LatentScale::normalised);

    const SmallVaeConfig& config() const { return config_; }
    LatentScale scale() const { return scale_; }

    // As WanVae::decode, of normalised latents, to the same number of frames. Each band is decoded with as many rows
    // around it as its own depend on, or more.
    void decode(Context& ctx, const Tensor& latent, const BandSink& sink, const DecodeOptions& options = {}) const;

    // Frames in -1..1; any number of them, the last repeated to a multiple of four; sides multiples of config().cell():
    // InvalidRequest otherwise, and for a file without an encoder. Returns normalised latents [z, ceil(frames/4), h,
    // w].
    Tensor encode(Context& ctx, int64_t frames, int64_t height, int64_t width, const FrameSource& source) const;

    // nn::prepared calls this: it prepares the convolutions of one half where `residency` is packed.
    void prepare_layers(Context& ctx, nn::Residency residency, WanVae::Half half);

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        decoder_.for_each_param(prefix + "decoder.", visit);
        if (encoder_) encoder_->for_each_param(prefix + "encoder.", visit);
    }

  private:
    SmallVaeConfig config_;
    LatentScale scale_;
    SmallDecoder decoder_;
    std::optional<SmallEncoder> encoder_;
};

}  // namespace t3video::models
