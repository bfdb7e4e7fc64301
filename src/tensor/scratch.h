// The memory that the backends' halves of ops take for themselves while they run, so that a run that only counts sees
// it: the bytes of each block, in the order in which they are taken, since where blocks fit depends on both. Bounds:
// never below the use, seldom far above.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "tensor/context.h"
#include "tensor/op_types.h"

namespace t3video::ops {

using Scratch = std::vector<size_t>;

// Softmax attention in two products: bytes of f32 scores of one slice of queries, long enough for full products.
constexpr size_t kScoreBytes = size_t{1} << 30;
// Tokens of the windows that are gathered at once: enough work for every multiprocessor, while the copies stay small.
constexpr int64_t kGatheredTokens = 131072;
// Elements that a library counts in 32 bits.
constexpr int64_t kCountable = (int64_t{1} << 31) - 1;
// What a library asks for per call.
constexpr size_t kLibraryScratch = size_t{32} << 20;

// Attention of the GPU whose scores stay on the chip: bf16, narrow heads.
inline bool attention_is_fused(DType dtype, int64_t qk_width, int64_t v_width) {
    return dtype == DType::bf16 && qk_width == v_width && qk_width % 8 == 0 && qk_width <= 128;
}

inline Scratch score_scratch(DType dtype, int64_t heads, int64_t queries, int64_t keys) {
    const size_t row = sizeof(float) * static_cast<size_t>(heads * keys);
    const bool all = row == 0 || static_cast<size_t>(queries) <= kScoreBytes / row;  // the product could overflow
    const size_t scores = std::max(row, all ? row * static_cast<size_t>(queries) : kScoreBytes);
    if (dtype == DType::f32) return {scores};
    return {scores, scores / 2};  // probabilities of the type beside them
}

// The CPU's blocks of queries and keys are a few hundred KiB per thread.
inline Scratch attention_scratch(Device device, const Tensor& q, const Tensor& k, const Tensor& v,
                                 const AttentionOptions& o) {
    if (device == Device::cpu) return {};
    if (o.relative_bias || !attention_is_fused(q.dtype(), q.dim(1) / o.heads, v.dim(1) / o.heads)) {
        return score_scratch(q.dtype(), o.heads, q.dim(0), k.dim(0));
    }
    if (o.last_key_count == 1) return {kLibraryScratch};
    const size_t keys = static_cast<size_t>(k.dim(0) + o.last_key_count) * size_of(k.dtype());
    return {keys * static_cast<size_t>(k.dim(1)), keys * static_cast<size_t>(v.dim(1)), kLibraryScratch};
}

inline Scratch window_attention_scratch(Device device, const Tensor& q, int64_t heads,
                                        std::span<const TokenWindows* const> branches, bool statistics = false) {
    if (device == Device::cpu) return {};
    Scratch most;  // of one branch; the others come before or after it
    size_t most_bytes = 0;
    for (const TokenWindows* windows : branches) {
        const int64_t longest = windows->sizes().longest;
        Scratch blocks;
        const bool direct = windows->in_order && windows == branches[0];  // read where they lie
        if (!direct && !windows->placed.defined()) blocks.push_back(static_cast<size_t>(q.dim(0)) * sizeof(int64_t));
        const int64_t rows = direct ? q.dim(0) : std::min(q.dim(0), std::max(kGatheredTokens, longest));
        // Queries, keys, values and result of some windows.
        if (!direct) blocks.insert(blocks.end(), 4, static_cast<size_t>(rows * q.dim(1)) * size_of(q.dtype()));
        const bool fused = attention_is_fused(q.dtype(), q.dim(1) / heads, q.dim(1) / heads);
        // Logarithms as the library lays them out.
        if (fused && statistics) blocks.push_back(static_cast<size_t>(rows * heads) * sizeof(float));
        for (const size_t block : fused ? Scratch{kLibraryScratch} : score_scratch(q.dtype(), heads, longest, longest))
            blocks.push_back(block);
        const size_t bytes = std::accumulate(blocks.begin(), blocks.end(), size_t{0});
        if (bytes > most_bytes) most = blocks;
        most_bytes = std::max(most_bytes, bytes);
    }
    return most;
}

inline Scratch linear_scratch(Device device, const Tensor& weight) {
    if (device != Device::cpu || weight.dtype() == DType::f32) return {};
    return {static_cast<size_t>(weight.numel()) * sizeof(float)};
}

// Of a packed weight, which is padded to whole blocks: these are the largest.
inline size_t packed_bytes(int64_t out, int64_t in) {
    constexpr int64_t kOut = 64, kIn = 16;
    return static_cast<size_t>((out + kOut - 1) * (in + kIn - 1)) * sizeof(float);
}

inline int64_t round_channels(int64_t channels, int64_t step) {
    return (channels + step - 1) / step * step;
}

// Whether a convolution is among those of Context::convolves_in_place().
inline bool convolves_in_place(const Context& ctx, DType dtype, const FrameConv& f, int64_t stride_t) {
    return ctx.convolves_in_place() && dtype == DType::bf16 && f.stride_h == 1 && f.stride_w == 1 && stride_t == 1 &&
           f.kh <= 3 && f.kw <= 3;
}

// `frames`: in parts, and `pad_front` zero ones in front of them; y: the result.
inline Scratch conv_scratch(const Context& ctx, int64_t frames, bool one_part, int64_t pad_front, const Tensor& weight,
                            const FrameConv& f, int64_t stride_t, const Tensor& y) {
    const int64_t taps = weight.numel() / (f.co * f.ci);
    if (ctx.target() == Device::cpu) {  // the taps as the library wants them, in blocks of channels, and one as stored
        const int64_t arranged = taps * round_channels(f.co, 16) * round_channels(f.ci, 16);
        return {sizeof(float) * static_cast<size_t>(arranged + f.co * f.ci * f.kh * f.kw)};
    }
    const size_t element = size_of(y.dtype());
    const int64_t ci = round_channels(f.ci, 8), co = round_channels(f.co, 8);
    Scratch blocks{static_cast<size_t>(taps * ci * co) * element, static_cast<size_t>(co) * sizeof(float)};
    if (convolves_in_place(ctx, y.dtype(), f, stride_t)) {
        if (!one_part || ci != f.ci) blocks.push_back(static_cast<size_t>(frames * f.h * f.w * ci) * element);
        if (co != f.co) blocks.push_back(static_cast<size_t>(y.numel() / f.co * co) * element);
        return blocks;
    }
    frames += pad_front;
    // Frames in one run with padding alike on both sides are read where they lie; else they are laid out first. What
    // the library cannot count in 32 bits is laid out, and put back, in bands of rows.
    const int64_t rows = (f.out_h() - 1) * f.stride_h + f.kh, columns = f.w + f.left + f.right;
    const int64_t elements = frames * rows * columns * ci, result = y.numel() / f.co * co;
    const bool countable = elements <= kCountable && result <= kCountable;
    const bool in_place =
        one_part && pad_front == 0 && f.ci == ci && f.left == f.right && f.top == f.bottom && countable;
    if (!in_place) blocks.push_back(static_cast<size_t>(std::min(elements, kCountable)) * element);
    if (co != f.co || !countable) blocks.push_back(static_cast<size_t>(std::min(result, kCountable)) * element);
    blocks.push_back(kLibraryScratch);
    return blocks;
}

// Whether upsample_conv2d runs as four small convolutions on x, one for each parity of rows and columns of y.
inline bool upsamples_in_place(const Context& ctx, const Tensor& x, const Tensor& weight) {
    return ctx.convolves_in_place() && x.dtype() == DType::bf16 && x.dim(3) % 8 == 0 && weight.dim(0) % 8 == 0;
}

// x and y of upsample_conv2d.
inline Scratch upsample_scratch(const Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& y) {
    const int64_t ci = x.dim(3), co = weight.dim(0);
    if (ctx.target() == Device::cpu) {  // the pixels of one parity of rows and columns, and the kernel that they see
        const int64_t arranged = 4 * round_channels(co, 16) * round_channels(ci, 16) + 8 * co * ci;
        return {sizeof(float) * static_cast<size_t>(x.dim(0) * x.dim(1) * x.dim(2) * co + arranged)};
    }
    const int64_t ci_padded = round_channels(ci, 8), co_padded = round_channels(co, 8);
    const size_t element = size_of(x.dtype()), bias = static_cast<size_t>(co_padded) * sizeof(float);
    if (upsamples_in_place(ctx, x, weight)) return {static_cast<size_t>(16 * ci * co) * element, bias};
    const int64_t doubled = (y.dim(1) + 2) * y.dim(2) * ci_padded;  // one frame
    const int64_t result = co == co_padded ? 0 : y.numel() / std::max<int64_t>(y.dim(0) * co, 1) * co_padded;
    return {static_cast<size_t>(9 * ci_padded * co_padded) * element, bias, static_cast<size_t>(doubled) * element,
            static_cast<size_t>(result) * element, kLibraryScratch};
}

}  // namespace t3video::ops
