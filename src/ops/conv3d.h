// 3D convolution on channels-last frames.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

struct Conv3dOptions {
    int64_t stride_t = 1, stride_h = 1, stride_w = 1;
    // Zero rows and columns around each frame. Time is never padded here: the caller joins history in front.
    int64_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
};

// x: [T, H, W, Ci] f32; weight: [Co, Ci, kt, kh, kw] or [Co, Ci, kh, kw] (kt = 1), f32, f16 or bf16; bias: [Co] or null.
// Returns [T', H', W', Co] f32, T' = (T - kt)/stride_t + 1 and so on.
Tensor conv3d(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, const Conv3dOptions& options);

}  // namespace t3video::ops
