// cuDNN's fused gradients of attention: scores never leave the chip, but for what sums in a fixed order take.
#pragma once

#include <optional>

#include "cuda/state.h"

namespace t3video::cuda {

// A batch of windows of equal size, one after another, in rows of `stride` elements of which heads*width are taken.
struct FusedAttentionBackward {
    int64_t windows, heads, tokens, width, stride;
    float scale;
    bool deterministic = false;  // the same bits every time
};

// Rows of bf16; log_sum_exp: [windows, heads, tokens] f32, natural.
struct FusedBackwardOperands {
    const void *q, *k, *v, *y, *dy, *log_sum_exp;
    void *dq, *dk, *dv;
};

// Returns false, and does nothing, where cuDNN has no kernel for it.
bool fused_attention_backward(Context& ctx, const FusedAttentionBackward& problem,
                              const FusedBackwardOperands& operands);

// What it takes for itself while it runs, nothing where there is no kernel.
std::optional<size_t> fused_attention_backward_bytes(Context& ctx, const FusedAttentionBackward& problem);

}  // namespace t3video::cuda
