// Gradients of attention on the CPU: see ops/attention.h.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

void attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                        const ops::AttentionOptions& options, Tensor& dq, Tensor& dk, Tensor& dv);
void window_attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                               const ops::WindowBackward& problem, ops::AttentionGradients& d);

// What both take for themselves: each thread has one head's columns of q, y, dy and dq, of k, v, dk and dv.
inline Scratch head_scratch(int threads, int64_t queries, int64_t keys, int64_t width) {
    Scratch blocks;
    for (int t = 0; t < threads; ++t) {
        blocks.insert(blocks.end(), 4, static_cast<size_t>(queries * width) * sizeof(float));
        blocks.insert(blocks.end(), 4, static_cast<size_t>(keys * width) * sizeof(float));
    }
    return blocks;
}

}  // namespace t3video::cpu
