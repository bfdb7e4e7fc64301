// Convolution of channels-last frames on the CPU.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::cpu {

// y[f] = bias + sum over k of conv2d(frames[f*stride_t + k], weight[:, :, k]); a null frame counts as zeros.
// frames: [h, w, ci] each; weight: [co, ci, kt, kh, kw]; y: [f, out_h, out_w, co]. band_elements: of rows that
// are convolved at once; 0 for what suits the processor.
void conv3d(Context& ctx, std::span<const float* const> frames, const Tensor& weight, const Tensor* bias,
            const ops::FrameConv& frame, int64_t stride_t, Tensor& y, int64_t band_elements = 0);

// Of conv3d: the taps as the library wants them, in blocks of channels, and one as stored.
inline Scratch conv_scratch(const Tensor& weight, const ops::FrameConv& f) {
    const int64_t taps = weight.numel() / (f.co * f.ci), blocks = (f.co + 15) / 16 * ((f.ci + 15) / 16);
    return {sizeof(float) * static_cast<size_t>(taps * blocks * 256 + f.co * f.ci * f.kh * f.kw)};
}

// x: [T, H, W, Ci]; weight: [Co, Ci, 3, 3]; y: [T, 2H - 2 + pad_top + pad_bottom, 2W, Co].
void upsample_conv2d(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, int64_t pad_top,
                     int64_t pad_bottom, Tensor& y);

// Of upsample_conv2d: the pixels of one parity of rows and columns, and the kernel that they see.
inline Scratch upsample_scratch(const Tensor& x, const Tensor& weight) {
    const int64_t ci = x.dim(3), co = weight.dim(0), blocks = (co + 15) / 16 * ((ci + 15) / 16);
    const int64_t pixels = x.dim(0) * x.dim(1) * x.dim(2);
    return {sizeof(float) * static_cast<size_t>(pixels * co + 4 * blocks * 256 + 8 * co * ci)};
}

}  // namespace t3video::cpu
