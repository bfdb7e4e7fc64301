// A convolution that looks back in time only, and the frames it remembers between the chunks of a video.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "nn/param.h"
#include "tensor/op_types.h"

namespace t3video::nn {

// The last frames that a convolution has seen, oldest first, [1, H, W, C] each. Before the first frame lie zeros.
struct FrameHistory {
    std::vector<Tensor> frames;
};

// y[t] = bias + sum over k of weight[k] * x[t - (kt - 1) + k], zero padding in space so that the size of a frame stays.
struct CausalConv3d {
    Param weight;  // [out, in, kt, kh, kw]
    Param bias;    // [out]

    CausalConv3d() = default;
    CausalConv3d(int64_t in, int64_t out, std::array<int64_t, 3> kernel);

    // x: [T, H, W, in] -> [T, H, W, out]. With `history`, x continues the frames seen there, which are then updated: a
    // video in chunks of any length gives what the whole gives. Without, x starts a video.
    Tensor forward(Context& ctx, const Tensor& x, FrameHistory* history = nullptr) const;

    // forward of silu(channel_norm(x)), ops/norm.h; `history` holds normed frames.
    Tensor forward_normed(Context& ctx, const Tensor& x, const Param& gamma, FrameHistory& history) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        visit(prefix + "weight", weight);
        visit(prefix + "bias", bias);
    }
};

}  // namespace t3video::nn
