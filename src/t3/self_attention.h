// Self-attention of a Wan block over windows of the token grid; full attention is the layout of one window.
#pragma once

#include <string>

#include "nn/linear.h"
#include "nn/norm.h"
#include "ops/rope.h"
#include "t3/window_layout.h"

namespace t3video::t3 {

struct SelfAttention {
    SelfAttention() = default;
    SelfAttention(int64_t width, int64_t head_count, float eps)
        : q(width, width),
          k(width, width),
          v(width, width),
          o(width, width),
          norm_q(width, eps),
          norm_k(width, eps),
          heads(head_count) {}

    // x: [tokens, width] -> [tokens, width]. Queries and keys are normalised over the whole width and rotated at their
    // global positions before the tokens are grouped into windows.
    Tensor forward(Context& ctx, const Tensor& x, const ops::RopeTable& rope, const LayerWindows& windows) const;

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        q.for_each_param(prefix + "q.", visit);
        k.for_each_param(prefix + "k.", visit);
        v.for_each_param(prefix + "v.", visit);
        o.for_each_param(prefix + "o.", visit);
        norm_q.for_each_param(prefix + "norm_q.", visit);
        norm_k.for_each_param(prefix + "norm_k.", visit);
    }

    nn::Linear q, k, v, o;
    nn::RmsNorm norm_q, norm_k;
    int64_t heads = 1;
};

}  // namespace t3video::t3
