// A convolution that looks back in time only, and what it remembers between the chunks and bands of a video.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "nn/halo.h"
#include "nn/param.h"
#include "tensor/op_types.h"

namespace t3video::nn {

// The last frames that a convolution has seen in this band of the video, oldest first, [1, H, W, C] each, and the rows
// that it needs of the band above. Before the first frame and around a frame lie zeros.
struct ConvHistory {
    std::vector<Tensor> frames;
    HaloRows rows;
};

// y[t] = bias + sum over k of weight[k] * x[t - (kt - 1) + k], zero padding in space so that the size of a frame stays.
struct CausalConv3d {
    Param weight;  // [out, in, kt, kh, kw]
    Param bias;    // [out]

    CausalConv3d() = default;
    CausalConv3d(int64_t in, int64_t out, std::array<int64_t, 3> kernel);

    Halo halo() const { return {.reach = weight.shape[3] / 2}; }
    void start(const BandEdges& band, ConvHistory& history) const;  // the next band; a new history is of whole frames

    // x: [T, H, W, in] -> [T, H, W, out]. With `history`, x continues the frames seen there, which are then updated: a
    // video in chunks of any length gives what the whole gives. Without, x starts a video. In bands only where the
    // kernel is one row high.
    Tensor forward(Context& ctx, const Tensor& x, ConvHistory* history = nullptr) const;

    // forward of silu(channel_norm(x)), ops/norm.h, and with `shortcut` what that adds; `history` holds normed frames.
    // In bands, y begins and ends halo().reach rows above x, except that both begin and end with the frame.
    Tensor forward_normed(Context& ctx, Tensor x, const Param& gamma, ConvHistory& history,
                          const Shortcut* shortcut = nullptr) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        visit(prefix + "weight", weight);
        visit(prefix + "bias", bias);
    }
};

}  // namespace t3video::nn
