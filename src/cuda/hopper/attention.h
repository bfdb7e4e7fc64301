// Attention within windows by Hopper's matrix units: heads of 128 elements in bf16, for any windows without planning.
#pragma once

#include <span>

#include "tensor/context.h"

namespace t3video::cuda {

// So many windows of so many tokens, one after another.
struct WindowRun {
    int64_t windows, tokens;
};
constexpr size_t kMostRuns = 8;  // two lengths along each axis

// A batch of windows whose rows follow one another, heads * 128 elements each, run after run. Windows of several sizes
// in one batch keep the whole card busy to the end of the last.
struct HopperAttention {
    std::span<const WindowRun> runs;  // at most kMostRuns
    int64_t heads;
    float scale;                     // of the scores, positive
    const int64_t* order = nullptr;  // [rows] on the device: the rows of y to write; null: in order
    bool average = false;            // y = (y + result) / 2 instead of y = result
    // [heads, log_step] f32: of the rows of y that are written, the natural logarithm of the sum over the window's keys
    // of exp(scale * score); null: nowhere.
    float* log_sum_exp = nullptr;
    int64_t log_step = 0;
};

// For cards with DeviceTraits::sm_90a_code. q, k, v: [rows, heads * 128] bf16, rows as many as the runs have; y: rows
// of the same width, as many as `order` names, apart from the others. All are aligned to 16 bytes.
void hopper_attention(Context& ctx, const HopperAttention& problem, const void* q, const void* k, const void* v,
                      void* y);

}  // namespace t3video::cuda
