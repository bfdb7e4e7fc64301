// How attention on the GPU is cut, and what it takes for itself and moves.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>

#include "cuda/library/limits.h"
#include "tensor/op_types.h"

namespace t3video::cuda {

// Softmax attention in two products: bytes of f32 scores of one slice of queries, long enough for full products.
constexpr size_t kScoreBytes = size_t{1} << 30;
// Tokens of the windows that are gathered at once: enough work for every multiprocessor, while the copies stay small.
constexpr int64_t kGatheredTokens = 131072;

// Whether scores stay on the chip: bf16, narrow heads.
inline bool attention_is_fused(DType dtype, int64_t qk_width, int64_t v_width) {
    return dtype == DType::bf16 && qk_width == v_width && qk_width % 8 == 0 && qk_width <= 128;
}

// Windows of at most so many tokens are read where they lie.
constexpr int64_t kUngatheredWindow = 64;

// Whether the rows of a second branch are gathered for kernels that take windows one after another, and are worth
// keeping for the backward, which reads them again: bf16, no window that is read where it lies.
inline bool keeps_gathered(const Tensor& q, int64_t heads, const ops::TokenWindows& windows) {
    const int64_t width = q.dim(1) / heads;
    return attention_is_fused(q.dtype(), width, width) && windows.sizes().shortest > kUngatheredWindow;
}

// Whether windows are for our own kernel for Hopper.
inline bool takes_hopper_windows(const DeviceTraits& device, const Tensor& q, int64_t heads) {
    return device.sm_90a_code && q.dtype() == DType::bf16 && q.dim(1) == heads * 128;
}

inline Scratch score_scratch(DType dtype, int64_t heads, int64_t queries, int64_t keys, int64_t v_width) {
    const size_t row = sizeof(float) * static_cast<size_t>(heads * keys);
    const bool all = row == 0 || static_cast<size_t>(queries) <= kScoreBytes / row;  // the product could overflow
    const size_t scores = std::max(row, all ? row * static_cast<size_t>(queries) : kScoreBytes);
    if (dtype == DType::f32) return {scores};
    const size_t slice = scores / std::max<size_t>(row, 1) * static_cast<size_t>(heads) * sizeof(float);
    return {scores, scores / 2, slice, slice * static_cast<size_t>(v_width)};  // weights, their sums, weighted values
}

// Bytes of scores that attention in two products moves: the first writes them in f32, the softmax reads them, in f32
// two times, and writes weights. (The second product reads those beside its arithmetic.) Of the Wan2.1 VAE's one head
// of 384 over 130,560 pixels this is 170 GB, 41 ms at 4.15 TB/s, and the products are 33 ms at 790 TFLOP/s: 74 where a
// frame took 85 on an H200 while scores were read twice. At the rate of window attention, whose scores stay on the
// chip, 37.
inline double score_bytes(DType dtype, int64_t heads, int64_t queries, int64_t keys) {
    const double scores = static_cast<double>(heads) * static_cast<double>(queries) * static_cast<double>(keys);
    const size_t read_and_written = (dtype == DType::f32 ? 3 : 2) * sizeof(float);
    return scores * static_cast<double>(read_and_written + size_of(dtype));
}

// Bytes of queries, keys and values of windows that do not follow one another, read and written: 12.6 GB in a layer of
// Wan2.1-1.3B at 4K, 3.2 ms beside the 16 of its attention over windows of 1344 tokens.
inline double gathered_bytes(const Tensor& q, std::span<const ops::TokenWindows* const> branches) {
    double bytes = 0;
    for (const ops::TokenWindows* windows : branches) {
        const bool direct = windows->in_order && windows == branches[0];
        if (!direct && windows->sizes().longest > kUngatheredWindow) bytes += 6 * static_cast<double>(q.bytes());
    }
    return bytes;
}

inline Scratch attention_scratch(const Tensor& q, const Tensor& k, const Tensor& v, const ops::AttentionOptions& o) {
    if (o.relative_bias || !attention_is_fused(q.dtype(), q.dim(1) / o.heads, v.dim(1) / o.heads)) {
        return score_scratch(q.dtype(), o.heads, q.dim(0), k.dim(0), v.dim(1) / o.heads);
    }
    if (o.last_key_count == 1) return {kLibraryScratch};
    const size_t keys = static_cast<size_t>(k.dim(0) + o.last_key_count) * size_of(k.dtype());
    return {keys * static_cast<size_t>(k.dim(1)), keys * static_cast<size_t>(v.dim(1)), kLibraryScratch};
}

inline Scratch window_attention_scratch(const Tensor& q, int64_t heads,
                                        std::span<const ops::TokenWindows* const> branches, bool statistics,
                                        bool placed) {
    Scratch most;  // of one branch; the others come before or after it
    size_t most_bytes = 0;
    for (const ops::TokenWindows* windows : branches) {
        const int64_t longest = windows->sizes().longest;
        Scratch blocks;
        const bool direct = windows->in_order && windows == branches[0];  // read where they lie
        if (!direct && !windows->device_order.defined())
            blocks.push_back(static_cast<size_t>(q.dim(0)) * sizeof(int64_t));
        if (placed && !direct) blocks.push_back(static_cast<size_t>(q.dim(0)) * sizeof(int64_t));
        const int64_t rows = direct ? q.dim(0) : std::min(q.dim(0), std::max(kGatheredTokens, longest));
        // Queries, keys, values and result of some windows, which a second branch may keep.
        const bool kept = statistics && windows != branches[0] && keeps_gathered(q, heads, *windows);
        if (!direct && !kept) blocks.insert(blocks.end(), 4, static_cast<size_t>(rows * q.dim(1)) * size_of(q.dtype()));
        const bool fused = attention_is_fused(q.dtype(), q.dim(1) / heads, q.dim(1) / heads);
        // Logarithms as the library lays them out.
        if (fused && statistics) blocks.push_back(static_cast<size_t>(rows * heads) * sizeof(float));
        for (const size_t block :
             fused ? Scratch{kLibraryScratch} : score_scratch(q.dtype(), heads, longest, longest, q.dim(1) / heads))
            blocks.push_back(block);
        const size_t bytes = std::accumulate(blocks.begin(), blocks.end(), size_t{0});
        if (bytes > most_bytes) most = blocks;
        most_bytes = std::max(most_bytes, bytes);
    }
    return most;
}

}  // namespace t3video::cuda
