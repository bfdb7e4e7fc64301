// Matrix product with a weight on the CPU.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

// y[M, N] = activation(x[M, K] weight[N, K]^T + bias[N]).
void linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, ops::Activation activation,
            Tensor& y);

// The weight in f32.
inline Scratch linear_scratch(const Tensor& weight) {
    if (weight.dtype() == DType::f32) return {};
    return {static_cast<size_t>(weight.numel()) * sizeof(float)};
}

}  // namespace t3video::cpu
