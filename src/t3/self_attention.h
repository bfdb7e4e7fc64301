// Self-attention of a Wan block over windows of the token grid; full attention is the layout of one window.
#pragma once

#include "nn/attention_weights.h"
#include "ops/rope.h"
#include "t3/window_layout.h"

namespace t3video::t3 {

struct SelfAttention : nn::AttentionWeights {
    using AttentionWeights::AttentionWeights;

    // What attention reads, of all tokens: [tokens, width] each. For a backward also the projections that queries and
    // keys were before norm and rotation.
    struct Inputs {
        Tensor q, k, v;
        Tensor raw_q, raw_k;
    };

    // x: [tokens, width] -> [tokens, width]. Queries and keys are normalised over the whole width and rotated at their
    // global positions before the tokens are grouped into windows.
    Tensor forward(Context& ctx, const Tensor& x, const ops::RopeTable& rope, const LayerWindows& windows) const;

    // Its three steps. Room for the inputs of so many tokens of type `dtype`;
    Inputs make_inputs(Context& ctx, int64_t tokens, DType dtype, bool for_backward = false) const;
    // projection of x: [n, width], which become rows `first` and on;
    void project(Context& ctx, const Tensor& x, const ops::Tokens& tokens, int64_t first, const ops::RopeTable& rope,
                 Inputs& inputs) const;
    // attention, before the output projection; `saved` gets what its backward needs, `places` says where results go, as
    // ops::window_attention has it,
    Tensor attend(Context& ctx, const Inputs& inputs, const LayerWindows& windows, ops::AttentionSaved* saved = nullptr,
                  const Tensor* places = nullptr) const;
    // where that costs nothing.
    bool places_results(const Context& ctx, const Inputs& inputs, const LayerWindows& windows) const;

    // Backward of the last two. From the gradient of attend's result that of its inputs: a window is a permutation of
    // tokens, so that of a window's rows goes back to where they came from, and that of the mean to both branches;
    ops::AttentionGradients attend_backward(Context& ctx, const Inputs& inputs, const LayerWindows& windows,
                                            const ops::AttentionSaved& saved, const Tensor& dy,
                                            bool deterministic) const;
    // from rows `first` and on of that the gradient of x, [n, width] f32. Queries' and keys' rows of `d` are used up.
    Tensor project_backward(Context& ctx, const Tensor& x, const ops::Tokens& tokens, int64_t first,
                            const ops::RopeTable& rope, const Inputs& inputs, ops::AttentionGradients& d) const;

  private:
    float scale() const;
};

}  // namespace t3video::t3
