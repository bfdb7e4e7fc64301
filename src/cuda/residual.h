// A residual step and the norm behind it on the GPU. x: f32, updated in place; h and y: f32 or bf16.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cuda {

void add_norm_modulate(Context& ctx, ops::Rows& x, const ops::Residual& residual, const Tensor& scale,
                       const Tensor& shift, const ops::TokenSets& sets, float eps, Tensor& y);
void add_layer_norm(Context& ctx, ops::Rows& x, const ops::Residual& residual, const Tensor& weight, const Tensor& bias,
                    const ops::TokenSets& sets, float eps, Tensor& y);

}  // namespace t3video::cuda
