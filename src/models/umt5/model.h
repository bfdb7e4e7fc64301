// The UMT5 text encoder: token ids in, one embedding row per token out.
//
// Source: Chung et al., "UniMax" (2023); T5 (Raffel et al., 2020) with one relative position table per layer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"
#include "nn/layer_store.h"
#include "nn/linear.h"
#include "nn/norm.h"

namespace t3video::models {

struct Umt5Config {
    int64_t vocabulary = 0, dim = 0, layers = 0, heads = 0, inner_dim = 0, ffn_dim = 0, buckets = 0;
};

// Sizes from tensor shapes under official names. Throws InvalidRequest naming `origin` when they are not an encoder's.
Umt5Config infer_umt5_config(const std::map<std::string, Shape>& shapes, const std::string& origin);

// The official name of a tensor of Hugging Face's UMT5EncoderModel, or of a GGUF encoder; empty for any other name.
std::string official_umt5_name(const std::string& name);

struct Umt5Layer {
    Umt5Layer() = default;
    explicit Umt5Layer(const Umt5Config& c);

    // x: [tokens, dim] -> [tokens, dim]
    Tensor forward(Context& ctx, const Tensor& x) const;

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        norm1.for_each_param(prefix + "norm1.", visit);
        q.for_each_param(prefix + "attn.q.", visit);
        k.for_each_param(prefix + "attn.k.", visit);
        v.for_each_param(prefix + "attn.v.", visit);
        o.for_each_param(prefix + "attn.o.", visit);
        visit(prefix + "pos_embedding.embedding.weight", position_bias);
        norm2.for_each_param(prefix + "norm2.", visit);
        gate.for_each_param(prefix + "ffn.gate.0.", visit);
        fc1.for_each_param(prefix + "ffn.fc1.", visit);
        fc2.for_each_param(prefix + "ffn.fc2.", visit);
    }

    nn::RmsNorm norm1, norm2;
    nn::Linear q, k, v, o, gate, fc1, fc2;
    nn::Param position_bias;  // [buckets, heads]
};

class Umt5 {
  public:
    // An official .pth, safetensors with Hugging Face names, or a GGUF. Throws InvalidRequest naming file and tensor.
    static Umt5 load(const std::filesystem::path& weights, checkpoint::Notes* notes = nullptr);
    explicit Umt5(const Umt5Config& config);

    const Umt5Config& config() const { return config_; }

    // ids: the real tokens of one prompt, padding left out (it would be masked: the result is the same). -> [tokens,
    // dim] f32
    Tensor forward(Context& ctx, std::span<const int64_t> ids) const;

    // nn::prepared calls this.
    void prepare_layers(Context& ctx, nn::Residency residency) { layers_.prepare(ctx, residency); }

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        visit(prefix + "token_embedding.weight", token_embedding_);
        layers_.for_each_param(prefix + "blocks.", visit);
        norm_.for_each_param(prefix + "norm.", visit);
    }

  private:
    Umt5Config config_;
    nn::Param token_embedding_;
    nn::LayerStore<Umt5Layer> layers_;
    nn::RmsNorm norm_;
};

}  // namespace t3video::models
