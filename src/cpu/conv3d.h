// Convolution of channels-last frames on the CPU.
#pragma once

#include <span>

#include "tensor/op_types.h"
#include "tensor/prepared.h"

namespace t3video::cpu {

// y[f] = sum over k of conv2d(frames[f*stride_t + k], weight[:, :, k]), and then as `end` says; a null frame counts as
// zeros.
// frames: [h, w, ci] each; weight: taps of [co, ci, kt, kh, kw]; y: [f, out_h, out_w, co]. band_elements: of rows that
// are convolved at once; 0 for what suits the processor.
void conv3d(Context& ctx, std::span<const float* const> frames, const ops::Prepared& weight, const ops::ConvEnd& end,
            const ops::FrameConv& frame, int64_t stride_t, Tensor& y, int64_t band_elements = 0);

// x: [T, H, W, Ci]; weight: phases of [Co, Ci, 3, 3]; y: [T, 2H - 2 + pad.top + pad.bottom, 2W, Co]. No residual.
void upsample_conv2d(Context& ctx, const Tensor& x, const ops::Prepared& weight, const ops::ConvEnd& end,
                     ops::UpsamplePadding pad, Tensor& y);

// Of upsample_conv2d: the pixels of one parity of rows and columns.
inline Scratch upsample_scratch(const Tensor& x, int64_t co) {
    return {sizeof(float) * static_cast<size_t>(x.dim(0) * x.dim(1) * x.dim(2) * co)};
}

// A weight [co, ci, kt, kh, kw] as conv3d reads it, of `frame`, or of a frame of a common size; where another frame
// wants another layout, conv3d makes it for that call.
ops::Prepared arrange_taps(Context& ctx, const Stored& weight, const ops::FrameConv* frame = nullptr);
// A weight [co, ci, 3, 3] as upsample_conv2d reads it.
ops::Prepared arrange_phases(Context& ctx, const Stored& weight, const ops::FrameConv* frame = nullptr);

// Bytes of a tap of so many elements for each pair of channels, in blocks of channels, at most.
inline size_t tap_bytes(int64_t co, int64_t ci, int64_t elements) {
    return sizeof(float) * static_cast<size_t>((co + 15) / 16 * ((ci + 15) / 16) * 256 * elements);
}

}  // namespace t3video::cpu
