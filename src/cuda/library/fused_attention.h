// cuDNN's fused attention: scores never leave the chip.
#pragma once

#include "cuda/state.h"

namespace t3video::cuda {

// A batch of windows of equal size, each read and written as rows of heads*d elements, one after another.
struct FusedAttention {
    int64_t windows, heads, queries, keys, width;  // width of a head
    float scale;
    bool key_bias = false;    // a value for each key, added to its scores
    bool statistics = false;  // the log-sum-exp of each row of scores, natural
};

// Whether cuDNN has a kernel for it; not all versions take a bias of this form.
bool fused_attention_runs(Context& ctx, const FusedAttention& problem);

// q, y: [windows*queries, heads*width], k, v: [windows*keys, heads*width], bf16; key_bias: [keys] f32 or null;
// statistics: [windows, heads, queries] f32 or null.
void fused_attention(Context& ctx, const FusedAttention& problem, const void* q, const void* k, const void* v, void* y,
                     const void* key_bias = nullptr, void* statistics = nullptr);

}  // namespace t3video::cuda
