// cuDNN's fused attention: scores never leave the chip.
#pragma once

#include "cuda/state.h"

namespace t3video::cuda {

// A batch of windows of equal size, each read and written as rows of heads*d elements, one after another.
struct FusedAttention {
    int64_t windows, heads, queries, keys, width;  // width of a head
    float scale;
};

// bf16, heads a multiple of 8 and at most 128 wide.
bool fused_attention_takes(DType dtype, int64_t qk_width, int64_t v_width);

// q, y: [windows*queries, heads*width], k, v: [windows*keys, heads*width], bf16.
void fused_attention(Context& ctx, const FusedAttention& problem, const void* q, const void* k, const void* v, void* y);

}  // namespace t3video::cuda
