// cuDNN's convolution with bias.
#pragma once

#include <compare>

#include "cuda/state.h"
#include "tensor/tensor.h"

namespace t3video::cuda {

// x: [t, h, w, ci], weight: [co, kt, kh, kw, ci], y: [t', h', w', co] with w' = (w + 2*pad_w - kw)/stride_w + 1 and so
// on; f32 or bf16, ci and co multiples of 8 in bf16.
struct FusedConv {
    int64_t t, h, w, ci, co, kt, kh, kw, stride_t = 1, stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0;
    DType dtype;
    bool bias;

    int64_t out_t() const { return (t - kt) / stride_t + 1; }
    int64_t out_h() const { return (h + 2 * pad_h - kh) / stride_h + 1; }
    int64_t out_w() const { return (w + 2 * pad_w - kw) / stride_w + 1; }
    friend auto operator<=>(const FusedConv&, const FusedConv&) = default;
};

// bias: [co] f32 or null
void fused_conv(Context& ctx, const FusedConv& problem, const void* x, const void* weight, const void* bias, void* y);

}  // namespace t3video::cuda
