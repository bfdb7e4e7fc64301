// Halving and doubling the resolution of a video in space, and where asked in time, between the stages of a Wan VAE.
// The first frame stands for itself; every later one stands for two at twice the frame rate.
#pragma once

#include <optional>
#include <string>

#include "nn/causal_conv3d.h"

namespace t3video::models {

struct Downsample {
    struct History {
        Tensor last;  // the last frame after halving in space; undefined at the start
    };

    nn::Param weight, bias;                           // [C, C, 3, 3], stride 2
    std::optional<nn::Param> time_weight, time_bias;  // [C, C, 3, 1, 1], stride 2

    Downsample(int64_t in, int64_t out, bool with_time);
    // [T, 2H, 2W, C] -> [T, H, W, C]
    Tensor space(Context& ctx, const Tensor& x) const;
    // out_0 = x_0, out_j = bias + W0 x_{2j-2} + W1 x_{2j-1} + W2 x_{2j}. After the first frame they come in pairs.
    Tensor time(Context& ctx, const Tensor& x, History& history) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        visit(prefix + "resample.1.weight", weight);
        visit(prefix + "resample.1.bias", bias);
        if (time_weight) visit(prefix + "time_conv.weight", *time_weight);
        if (time_bias) visit(prefix + "time_conv.bias", *time_bias);
    }
};

struct Upsample {
    struct History {
        bool started = false;  // the first frame has passed; it is not part of `time`
        nn::ConvHistory time;
        nn::HaloRows rows;  // of the frames to be doubled in space
    };

    nn::Param weight, bias;                     // [out, C, 3, 3], after doubling every pixel
    std::optional<nn::CausalConv3d> time_conv;  // C -> 2C, (3, 1, 1): channels of frame 2j-1, then of frame 2j

    Upsample(int64_t in, int64_t out, bool with_time);
    nn::Halo halo() const { return {.reach = weight.shape[2] / 2, .scale = 2}; }
    nn::BandEdges start(nn::BandEdges band, History& history) const;  // returns the band of the result
    // [T, H, W, C] -> [T', 2H, 2W, out], T' = T, or 2T (2T - 1 at the start of a video)
    Tensor forward(Context& ctx, Tensor x, History& history) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        visit(prefix + "resample.1.weight", weight);
        visit(prefix + "resample.1.bias", bias);
        if (time_conv) time_conv->for_each_param(prefix + "time_conv.", visit);
    }

  private:
    Tensor double_frames(Context& ctx, const Tensor& x, History& history) const;
};

}  // namespace t3video::models
