// Convolution of channels-last frames on the CPU.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::cpu {

// A frame larger than this many elements per thread is convolved in bands of rows: what a band reads and writes stays in
// cache from one pass over the channels, and from one tap of time, to the next (AVX2: 1.2 to 1.5 times as fast), and no
// offset inside oneDNN exceeds 31 bits. Each thread still gets several rows of every block of channels.
constexpr int64_t kBandElementsPerThread = int64_t{1} << 18;

// y[f] = bias + sum over k of conv2d(frames[f*stride_t + k], weight[:, :, k]); a null frame counts as zeros.
// frames: [h, w, ci] each; weight: [co, ci, kt, kh, kw]; y: [f, out_h, out_w, co]. band_elements: 0 for what suits the
// caches.
void conv3d(Context& ctx, std::span<const float* const> frames, const Tensor& weight, const Tensor* bias,
            const ops::FrameConv& frame, int64_t stride_t, Tensor& y, int64_t band_elements = 0);

// x: [T, H, W, Ci]; weight: [Co, Ci, 3, 3]; y: [T, 2H - 2 + pad_top + pad_bottom, 2W, Co].
void upsample_conv2d(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, int64_t pad_top,
                     int64_t pad_bottom, Tensor& y);

}  // namespace t3video::cpu
