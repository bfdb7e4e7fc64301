// Attention within windows of a few tokens, several of which share a block of threads.
#pragma once

#include "cuda/softmax.h"
#include "tensor/op_types.h"

namespace t3video::cuda {

constexpr int64_t kSmallWindow = 64;  // tokens of a window at most

// `count` windows of `tokens` tokens each, of rows of q, k and v that follow one another or that `order` lists on the
// device; results go to the same rows of y.
struct SmallWindows {
    int64_t count, tokens, heads;
    float scale;
    const int64_t* order = nullptr;  // null: row i is i
    bool average = false;            // y = (y + result) / 2 instead of y = result
    LogSumExp log_sum_exp = {};      // of rows, which its order, if any, lists as `order` does
};

// q, k, v, y: [rows, heads * width] of one type, f32 or bf16.
void small_window_attention(Context& ctx, const SmallWindows& windows, const Tensor& q, const Tensor& k,
                            const Tensor& v, Tensor& y);

}  // namespace t3video::cuda
