// Convolution of channels-last frames on the GPU.
#pragma once

#include <span>

#include "cuda/library/limits.h"
#include "tensor/op_types.h"
#include "tensor/prepared.h"

namespace t3video::cuda {

// An input larger than this many elements is convolved in bands of rows: cuDNN counts elements in 32 bits.
constexpr int64_t kBandElements = kCountable;

// y[f] = sum over k of conv2d(frame[f*stride_t + k], weight[:, :, k]), where the frames are pad_front zero ones and
// those of the parts, in order, and then as `end` says. parts: [T_i, h, w, ci], f32 or bf16; taps: of the weight, as
// arrange_taps leaves them, of the same type; bias: f32; y: [f, out_h, out_w, co].
void conv3d(Context& ctx, std::span<const Tensor> parts, int64_t pad_front, const Tensor& taps, const ops::ConvEnd& end,
            const ops::FrameConv& frame, int64_t stride_t, Tensor& y, int64_t band_elements = kBandElements);

// Doubled pixels with zero ones around each frame, above and below where asked for (0 or 1), then a 3x3 convolution.
// x: [T, H, W, Ci]; weight: phases, or taps, of [Co, Ci, 3, 3]; y: [T, 2H - 2 + pad.top + pad.bottom, 2W, Co]. No
// residual.
void upsample_conv2d(Context& ctx, const Tensor& x, const ops::Prepared& weight, const ops::ConvEnd& end,
                     ops::UpsamplePadding pad, Tensor& y);

}  // namespace t3video::cuda
