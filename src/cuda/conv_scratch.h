// How convolutions on the GPU run, and what they take for themselves.
#pragma once

#include <algorithm>

#include "cuda/library/limits.h"
#include "tensor/op_types.h"

namespace t3video::cuda {

// Channels in eights, as bf16 is convolved.
constexpr int64_t round_channels(int64_t channels) {
    return (channels + 7) / 8 * 8;
}

// Whether frames are read where they lie, with any padding, by cuda/hopper/conv.h. A library's convolutions want them
// laid out in one piece.
inline bool convolves_in_place(const DeviceTraits& device, DType dtype, const ops::FrameConv& f, int64_t stride_t) {
    return device.sm_90a_code && dtype == DType::bf16 && f.stride_h == 1 && f.stride_w == 1 && stride_t == 1 &&
           f.kh <= 3 && f.kw <= 3;
}

// Whether that kernel reads so many parts of frames where they lie.
constexpr bool reads_parts(size_t parts, int64_t channels) {
    constexpr size_t kMost = 3;  // kMostRuns of cuda/hopper/conv.h
    return parts <= kMost && channels % 8 == 0;
}

// Of conv3d. `frames`: in so many parts, and `pad_front` zero ones in front of them; y: the result, to which a residual
// is added or not.
inline Scratch conv_scratch(const DeviceTraits& device, int64_t frames, size_t parts, int64_t pad_front,
                            const ops::FrameConv& f, int64_t stride_t, const Tensor& y, bool adds = false) {
    const size_t element = size_of(y.dtype());
    const int64_t ci = round_channels(f.ci), co = round_channels(f.co);
    Scratch blocks;
    if (convolves_in_place(device, y.dtype(), f, stride_t)) {
        if (!reads_parts(parts, f.ci)) blocks.push_back(static_cast<size_t>(frames * f.h * f.w * ci) * element);
        if (co != f.co) blocks.push_back(static_cast<size_t>(y.numel() / f.co * co) * element);
        return blocks;
    }
    if (adds) blocks.push_back(y.bytes());
    frames += pad_front;
    // Frames in one run with padding alike on both sides are read where they lie; else they are laid out first. What
    // the library cannot count in 32 bits is laid out, and copied back, in bands of rows.
    const int64_t rows = (f.out_h() - 1) * f.stride_h + f.kh, columns = f.w + f.left + f.right;
    const int64_t elements = frames * rows * columns * ci, result = y.numel() / f.co * co;
    const bool countable = elements <= kCountable && result <= kCountable;
    const bool in_place =
        parts == 1 && pad_front == 0 && f.ci == ci && f.left == f.right && f.top == f.bottom && countable;
    if (!in_place) blocks.push_back(static_cast<size_t>(std::min(elements, kCountable)) * element);
    if (co != f.co || !countable) blocks.push_back(static_cast<size_t>(std::min(result, kCountable)) * element);
    blocks.push_back(kLibraryScratch);
    return blocks;
}

// Whether upsample_conv2d runs as four small convolutions on x, one for each parity of rows and columns of y.
inline bool upsamples_in_place(const DeviceTraits& device, DType dtype, int64_t ci, int64_t co) {
    return device.sm_90a_code && dtype == DType::bf16 && ci % 8 == 0 && co % 8 == 0;
}

// x and y of upsample_conv2d.
inline Scratch upsample_scratch(const DeviceTraits& device, const Tensor& x, const Tensor& y) {
    const int64_t ci = x.dim(3), co = y.dim(3), ci_padded = round_channels(ci), co_padded = round_channels(co);
    const size_t element = size_of(x.dtype());
    if (upsamples_in_place(device, x.dtype(), ci, co)) return {};
    const int64_t doubled = (y.dim(1) + 2) * y.dim(2) * ci_padded;  // one frame
    const int64_t result = co == co_padded ? 0 : y.numel() / std::max<int64_t>(y.dim(0) * co, 1) * co_padded;
    return {static_cast<size_t>(doubled) * element, static_cast<size_t>(result) * element, kLibraryScratch};
}

}  // namespace t3video::cuda
