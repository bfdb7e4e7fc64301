// 3D convolution on channels-last frames.
#pragma once

#include <span>

#include "ops/prepare.h"

namespace t3video::ops {

// x: [T, H, W, Ci] f32 or the compute type; weight: [Co, Ci, kt, kh, kw] or [Co, Ci, kh, kw] (kt = 1), f32, f16 or
// bf16; bias: [Co] or null. Returns [T', H', W', Co] of x's type, T' = (pad_front + T - kt)/stride_t + 1 and so on.
Tensor conv3d(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, const Conv3dOptions& options);

// The same into y, of that shape and type.
void conv3d_into(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, const Conv3dOptions& options,
                 Tensor& y);

// The same over several runs of frames that follow one another in time, without joining them in memory.
Tensor conv3d(Context& ctx, std::span<const Tensor> parts, const Weight& weight, const Tensor* bias,
              const Conv3dOptions& options);

// Whether frames of several parts are copied one behind another first, so that a caller better makes them so: by
// convolutions of stride 1 with kernels of up to 3x3.
bool reads_joined_frames(const Context& ctx);

// Every pixel doubled in both directions (nearest), then a 3x3 convolution with a zero column on both sides of each
// frame and zero rows above and below where asked for: 0 or 1. x: [T, H, W, Ci] f32 or the compute type; weight: [Co,
// Ci, 3, 3]; bias: [Co] or null. Returns [T, 2H - 2 + pad_top + pad_bottom, 2W, Co] of x's type.
Tensor upsample_conv2d(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, int64_t pad_top = 1,
                       int64_t pad_bottom = 1);

// The same with zero rows above and below into y, of that shape and type; where `relu` is set, negative sums become
// zero.
void upsample_conv2d_into(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, bool relu,
                          Tensor& y);

}  // namespace t3video::ops
