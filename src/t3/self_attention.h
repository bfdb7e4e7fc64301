// Self-attention of a Wan block over windows of the token grid; full attention is the layout of one window.
#pragma once

#include "nn/attention_weights.h"
#include "ops/rope.h"
#include "t3/window_layout.h"

namespace t3video::t3 {

struct SelfAttention : nn::AttentionWeights {
    using AttentionWeights::AttentionWeights;

    // x: [tokens, width] -> [tokens, width]. Queries and keys are normalised over the whole width and rotated at their
    // global positions before the tokens are grouped into windows.
    Tensor forward(Context& ctx, const Tensor& x, const ops::RopeTable& rope, const LayerWindows& windows) const;
};

}  // namespace t3video::t3
