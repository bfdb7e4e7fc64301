// Names of a Wan VAE's tensors: the official scheme, and its translation from the diffusers layout.
#pragma once

#include <functional>
#include <string>

#include "models/wan_vae/config.h"

namespace t3video::models {

// The prefixes of the layers of a half's stages in order. Wan2.1 numbers them through ("encoder.downsamples.7."),
// Wan2.2 within each stage ("encoder.downsamples.2.downsamples.1.").
class LayerNames {
  public:
    LayerNames(VaeVersion version, std::string half, std::string list);  // "encoder.", "downsamples"

    std::string layer() const;
    void next_layer() { ++layer_, ++flat_; }
    void next_stage() { ++stage_, layer_ = 0; }

  private:
    VaeVersion version_;
    std::string half_, list_;
    int64_t stage_ = 0, layer_ = 0, flat_ = 0;
};

// Whether a tensor of this name exists.
using HasTensor = std::function<bool(const std::string&)>;
bool is_diffusers_vae(const HasTensor& has);
VaeVersion diffusers_vae_version(const HasTensor& has);

// The official name of a tensor of the diffusers layout; empty for a name that is not part of it.
std::string official_vae_name(const std::string& diffusers_name, VaeVersion version);

}  // namespace t3video::models
