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

// x: [T, H, W, Ci]; weight: [Co, Ci, 3, 3]; y: [T, 2H - 2 + pad_top + pad_bottom, 2W, Co].
void upsample_conv2d(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, int64_t pad_top,
                     int64_t pad_bottom, Tensor& y);

}  // namespace t3video::cpu
