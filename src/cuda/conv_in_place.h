// Convolutions by cuda/hopper/conv.h, on cards that have it: bf16, stride 1, frames read where they lie.
#pragma once

#include <span>

#include "cuda/conv_layout.h"
#include "tensor/op_types.h"

namespace t3video::cuda {

// As conv3d() in cuda/conv3d.h.
void convolve_in_place(Context& ctx, std::span<const Tensor> parts, int64_t pad_front, const Tensor& taps,
                       const ops::ConvEnd& end, const ops::FrameConv& frame, Tensor& y);

// As upsample_conv2d() in cuda/conv3d.h; channels by eights.
void upsample_in_place(Context& ctx, const Tensor& x, const Tensor& phases, const ops::ConvEnd& end,
                       ops::UpsamplePadding pad, Tensor& y);

}  // namespace t3video::cuda
