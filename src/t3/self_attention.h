// Self-attention of a Wan block over windows of the token grid; full attention is the layout of one window.
#pragma once

#include "nn/attention_weights.h"
#include "ops/rope.h"
#include "t3/window_layout.h"

namespace t3video::t3 {

struct SelfAttention : nn::AttentionWeights {
    using AttentionWeights::AttentionWeights;

    // What attention reads, of all tokens: [tokens, width] each.
    struct Inputs {
        Tensor q, k, v;
    };

    // x: [tokens, width] -> [tokens, width]. Queries and keys are normalised over the whole width and rotated at their
    // global positions before the tokens are grouped into windows.
    Tensor forward(Context& ctx, const Tensor& x, const ops::RopeTable& rope, const LayerWindows& windows) const;

    // Its three steps. Room for the inputs of so many tokens of type `dtype`;
    Inputs make_inputs(Context& ctx, int64_t tokens, DType dtype) const;
    // projection of x: [n, width], which become rows `first` and on;
    void project(Context& ctx, const Tensor& x, const ops::Tokens& tokens, int64_t first, const ops::RopeTable& rope,
                 Inputs& inputs) const;
    // attention, before the output projection.
    Tensor attend(Context& ctx, const Inputs& inputs, const LayerWindows& windows) const;
};

}  // namespace t3video::t3
