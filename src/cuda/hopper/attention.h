// Attention within windows by Hopper's matrix units: heads of 128 elements in bf16, for any windows without planning.
#pragma once

#include "tensor/context.h"

namespace t3video::cuda {

// A batch of windows of equal size whose rows follow one another: heads * 128 elements each, window after window.
struct HopperAttention {
    int64_t windows, tokens, heads;
    float scale;                     // of the scores, positive
    const int64_t* order = nullptr;  // [windows * tokens] on the device: the rows of y to write; null: in order
    bool average = false;            // y = (y + result) / 2 instead of y = result
    // [heads, log_step] f32: of the rows of y that are written, the natural logarithm of the sum over the window's keys
    // of exp(scale * score); null: nowhere.
    float* log_sum_exp = nullptr;
    int64_t log_step = 0;
};

// For cards with DeviceTraits::sm_90a_code. q, k, v: [windows * tokens, heads * 128] bf16; y: rows of the same width,
// as many as `order` names, apart from the others. All are aligned to 16 bytes.
void hopper_attention(Context& ctx, const HopperAttention& problem, const void* q, const void* k, const void* v,
                      void* y);

}  // namespace t3video::cuda
