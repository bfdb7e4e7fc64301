// The layers that both halves of a Wan VAE are built from. Videos are [T, H, W, C]; a History holds what a layer
// remembers between the chunks of one video, so that chunks of any length give what the whole gives, and between its
// bands of rows (nn/halo.h), so that bands of any height do. A new one is of whole frames; start() begins a band.
#pragma once

#include <optional>

#include "nn/causal_conv3d.h"

namespace t3video::models {

// x + conv(silu(norm(conv(silu(norm(x)))))), where x passes a 1x1x1 convolution if the channels change.
struct ResBlock {
    struct History {
        nn::ConvHistory conv1, conv2;
        nn::HaloRows shortcut;
    };

    nn::Param norm1, norm2;  // gamma [C, 1, 1, 1]
    nn::CausalConv3d conv1, conv2;
    std::optional<nn::CausalConv3d> shortcut;

    ResBlock(int64_t in, int64_t out);
    nn::Halo halo() const { return conv1.halo().then(conv2.halo()); }
    void start(const nn::BandEdges& band, History& history) const;
    Tensor forward(Context& ctx, Tensor x, History& history) const;  // [T, H, W, in] -> [T, H, W, out]

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        visit(prefix + "residual.0.gamma", norm1);
        conv1.for_each_param(prefix + "residual.2.", visit);
        visit(prefix + "residual.3.gamma", norm2);
        conv2.for_each_param(prefix + "residual.6.", visit);
        if (shortcut) shortcut->for_each_param(prefix + "shortcut.", visit);
    }
};

// x + self-attention of one head over the pixels of each frame.
struct AttnBlock {
    nn::Param norm;                    // gamma [C, 1, 1]
    nn::Param qkv_weight, qkv_bias;    // [3C, C, 1, 1]: queries, keys, values
    nn::Param proj_weight, proj_bias;  // [C, C, 1, 1]

    explicit AttnBlock(int64_t channels);
    Tensor forward(Context& ctx, const Tensor& x) const;  // [T, H, W, C] -> [T, H, W, C]

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        visit(prefix + "norm.gamma", norm);
        visit(prefix + "to_qkv.weight", qkv_weight);
        visit(prefix + "to_qkv.bias", qkv_bias);
        visit(prefix + "proj.weight", proj_weight);
        visit(prefix + "proj.bias", proj_bias);
    }
};

struct MiddleBlock {
    struct History {
        ResBlock::History first, last;
    };

    ResBlock first;
    AttnBlock attention;
    ResBlock last;

    explicit MiddleBlock(int64_t channels) : first(channels, channels), attention(channels), last(channels, channels) {}
    Tensor forward(Context& ctx, Tensor x, History& history) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        first.for_each_param(prefix + "0.", visit);
        attention.for_each_param(prefix + "1.", visit);
        last.for_each_param(prefix + "2.", visit);
    }
};

// conv(silu(norm(x)))
struct Head {
    nn::Param norm;  // gamma [C, 1, 1, 1]
    nn::CausalConv3d conv;

    Head(int64_t in, int64_t out) : norm(Shape{in, 1, 1, 1}, nn::Role::scale), conv(in, out, {3, 3, 3}) {}
    nn::Halo halo() const { return conv.halo(); }
    Tensor forward(Context& ctx, const Tensor& x, nn::ConvHistory& history) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        visit(prefix + "0.gamma", norm);
        conv.for_each_param(prefix + "2.", visit);
    }
};

}  // namespace t3video::models
