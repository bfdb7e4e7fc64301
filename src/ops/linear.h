// y = activation(x W^T + b)
#pragma once

#include "tensor/op_types.h"

namespace t3video::ops {

// x: [..., in] f32; weight: [out, in] (trailing unit axes allowed: a 1x1 convolution), f32, f16 or bf16;
// bias: [out] of any float type, or null. Returns [..., out] f32. The activation is applied after the bias.
Tensor linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias = nullptr,
              Activation activation = Activation::none);

}  // namespace t3video::ops
