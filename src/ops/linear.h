// y = activation(x W^T + b)
#pragma once

#include "ops/prepare.h"

namespace t3video::ops {

// x: [..., in] f32 or the context's compute type; weight: [out, in] (trailing unit axes allowed: a 1x1 convolution),
// of the role matrix; bias: [out] of any float type, on a GPU of x's, or null. Returns [..., out] of x's type. The
// activation is applied after the bias.
Tensor linear(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias = nullptr,
              Activation activation = Activation::none);

// The same into y, [..., out] of x's type.
void linear_into(Context& ctx, const Tensor& x, const Weight& weight, const Tensor* bias, Activation activation,
                 Tensor& y);

}  // namespace t3video::ops
