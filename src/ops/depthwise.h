// Convolution of each channel by itself, of a frame and of the one before it.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

// x: [T + 1, H, W, C] f32 or the compute type, the first of a past frame; weight: [k*k, 2C] of any float type, f32 on a
// GPU, k odd, tap (dy, dx) in row dy*k + dx. Returns [T, H, W, 2C] of x's type: channel c < C of frame t is that of
// x[t + 1], channel C + c is channel c of x[t], each convolved with its own kernel, with zeros around the frame.
Tensor depthwise_with_past(Context& ctx, const Tensor& x, const Tensor& weight);

}  // namespace t3video::ops
