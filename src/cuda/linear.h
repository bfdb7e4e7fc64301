// Matrix products on the GPU.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cuda {

// See ops/linear.h. x and y: f32 or bf16; bf16 x needs a bf16 weight and bias, f32 x takes any float type.
void linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, ops::Activation activation,
            Tensor& y);

}  // namespace t3video::cuda
