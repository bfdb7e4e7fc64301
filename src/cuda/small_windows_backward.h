// Gradients of attention within windows of a few tokens.
#pragma once

#include "cuda/small_windows.h"

namespace t3video::cuda {

// Rows as in SmallWindows.
struct SmallWindowsBackward {
    int64_t count, tokens, heads;
    float scale;
    const int64_t* order = nullptr;  // null: row i is i
    bool average = false;            // d = (d + result) / 2 instead of d = result
};

// q, k, v, dy and d: [rows, heads * width] of one type, f32 or bf16.
void small_window_backward(Context& ctx, const SmallWindowsBackward& windows, const Tensor& q, const Tensor& k,
                           const Tensor& v, const Tensor& dy, ops::AttentionGradients& d);

}  // namespace t3video::cuda
