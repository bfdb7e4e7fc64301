// Gradients of attention on the GPU: see ops/attention.h.
#pragma once

#include "cuda/attention_scratch.h"
#include "cuda/few_keys_backward.h"

namespace t3video::cuda {

void attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                        const ops::AttentionOptions& options, Tensor& dq, Tensor& dk, Tensor& dv);
void window_attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                               const ops::WindowBackward& problem, ops::AttentionGradients& d);

// What follows is how they are cut, and what each takes for itself.

// Where scores go through memory: bytes of f32 scores of one slice of queries, of which there are two matrices, and two
// more of the operands' type. Long enough for full products: 5461 queries of 12 heads over 512 keys.
constexpr size_t kBackwardScoreBytes = size_t{128} << 20;
// Tokens of the windows that are computed at once, where they are gathered; twice as many where they lie in order.
constexpr int64_t kBackwardTokens = kGatheredTokens;
// Bytes of the gradients of scores that cuDNN writes at once where the order of sums is fixed. A window whose single
// head needs more is computed in slices of its queries, whose sums have an order anyway.
constexpr size_t kOrderedBytes = size_t{1} << 30;

// Elements from row to row of scores: matrix units want rows that start at multiples of 16 bytes.
inline int64_t score_stride(int64_t keys) {
    return (keys + 7) / 8 * 8;
}

// Queries of a slice.
inline int64_t backward_queries(int64_t heads, int64_t queries, int64_t keys) {
    const int64_t fit = static_cast<int64_t>(kBackwardScoreBytes / sizeof(float)) / (heads * score_stride(keys));
    return std::clamp<int64_t>(fit, 1, std::max<int64_t>(queries, 1));
}

// Scores and their gradients, in f32 and in the type of products.
inline Scratch backward_score_scratch(DType dtype, int64_t heads, int64_t queries, int64_t keys) {
    const size_t row = sizeof(float) * static_cast<size_t>(heads * score_stride(keys));
    const bool all = row == 0 || static_cast<size_t>(queries) <= kBackwardScoreBytes / row;
    const size_t scores = std::max(row, all ? row * static_cast<size_t>(queries) : kBackwardScoreBytes);
    if (dtype == DType::f32) return {scores, scores};
    return {scores, scores, scores / 2, scores / 2};
}

// cuDNN's, for a head of a window, where the order of sums is fixed: its tiles have 128 tokens at most.
inline size_t ordered_bytes(int64_t tokens) {
    const auto padded = static_cast<size_t>((tokens + 127) / 128 * 128);
    return 2 * padded * padded;
}

// cuDNN's for windows of `rows` tokens in all, the longest of which has `longest`: dq in f32, or the gradients of
// scores, with at most two padded tokens for one of a window of more than kUngatheredWindow; two numbers for each row.
inline size_t fused_backward_scratch(int64_t rows, int64_t heads, int64_t width, int64_t longest, bool deterministic) {
    const auto of_rows = static_cast<size_t>(rows * heads);
    const size_t padded = static_cast<size_t>((longest + 127) / 128 * 128);
    const size_t sums = deterministic ? std::min(kOrderedBytes, of_rows * 4 * padded)
                                      : of_rows * static_cast<size_t>(width) * sizeof(float);
    return sums + of_rows * 2 * sizeof(float) + kLibraryScratch;
}

inline Scratch attention_backward_scratch(const Tensor& q, const Tensor& k, const Tensor& v,
                                          const ops::AttentionOptions& o) {
    const int64_t keys = k.dim(0), width = q.dim(1) / o.heads, rows = score_stride(keys);
    Scratch blocks = backward_score_scratch(q.dtype(), o.heads, q.dim(0), keys);
    if (rows != keys) {  // keys, values and their gradients with rows of zeros behind them
        for (const int64_t columns : {k.dim(1), v.dim(1)}) {
            blocks.push_back(static_cast<size_t>(rows * columns) * size_of(q.dtype()));
            blocks.push_back(static_cast<size_t>(rows * columns) * sizeof(float));
        }
    }
    if (!are_few_keys(q.dtype(), keys, width, v.dim(1) / o.heads)) return blocks;
    // A card with less shared memory takes the products all the same.
    const Scratch few = few_keys_scratch(o.heads, q.dim(0), keys, width);
    const auto total = [](const Scratch& s) { return std::accumulate(s.begin(), s.end(), size_t{0}); };
    return total(few) > total(blocks) ? few : blocks;
}

inline Scratch window_backward_scratch(const Tensor& q, int64_t heads,
                                       std::span<const ops::TokenWindows* const> branches, bool deterministic) {
    const auto total = [](const Scratch& blocks) { return std::accumulate(blocks.begin(), blocks.end(), size_t{0}); };
    const bool fused = attention_is_fused(q.dtype(), q.dim(1) / heads, q.dim(1) / heads);
    Scratch most;  // of one branch; the others come before or after it
    for (size_t i = 0; i < branches.size(); ++i) {
        const ops::TokenWindows& windows = *branches[i];
        const int64_t longest = windows.sizes().longest;
        const bool direct = windows.in_order && i == 0;  // read and written where they lie
        Scratch blocks;
        if (!direct && !windows.device_order.defined())
            blocks.push_back(static_cast<size_t>(q.dim(0)) * sizeof(int64_t));
        if (longest > kUngatheredWindow) {
            const int64_t rows = std::min(q.dim(0), std::max(direct ? 2 * kBackwardTokens : kBackwardTokens, longest));
            // Queries, keys, values, the gradient of the result, the result for cuDNN only, and three gradients; all
            // but the gradients were kept where they are gathered once.
            const bool kept = i > 0 && keeps_gathered(q, heads, windows);
            const size_t gathered = direct ? 0 : kept ? 4 : fused ? 8 : 7;
            blocks.insert(blocks.end(), gathered, static_cast<size_t>(rows * q.dim(1)) * size_of(q.dtype()));
            // cuDNN may have no kernel: then scores go through memory all the same.
            Scratch plain;
            if (q.dtype() != DType::f32) plain.assign(2, static_cast<size_t>(longest * q.dim(1)) * sizeof(float));
            for (const size_t block : backward_score_scratch(q.dtype(), heads, longest, longest))
                plain.push_back(block);
            const Scratch by_library{static_cast<size_t>(rows * heads) * sizeof(float),
                                     fused_backward_scratch(rows, heads, q.dim(1) / heads, longest, deterministic)};
            const Scratch& larger = fused && total(by_library) > total(plain) ? by_library : plain;
            blocks.insert(blocks.end(), larger.begin(), larger.end());
        }
        if (total(blocks) > total(most)) most = blocks;
    }
    return most;
}

}  // namespace t3video::cuda
