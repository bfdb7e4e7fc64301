// y = activation(x W^T + b)
#pragma once

#include "tensor/op_types.h"

namespace t3video::ops {

// x: [..., in] f32 or the context's compute type; weight: [out, in] (trailing unit axes allowed: a 1x1 convolution),
// f32, f16, bf16 or encoded; bias: [out] of any float type, or null. Returns [..., out] of x's type. The activation is
// applied after the bias.
Tensor linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias = nullptr,
              Activation activation = Activation::none);

// The same into y, [..., out] of x's type.
void linear_into(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, Activation activation,
                 Tensor& y);

// A weight [out, in] for many products. On the CPU they read it in f32 and in a layout of their own: this is that copy,
// with which they give the same bits, or the weight where it is one already. For a GPU the weight itself.
Tensor pack_weight(Context& ctx, const Tensor& weight);

}  // namespace t3video::ops
