// Matrix product with a weight on the CPU.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

// y[M, N] = activation(x[M, K] weight[N, K]^T + bias[N]).
void linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, ops::Activation activation,
            Tensor& y);

}  // namespace t3video::cpu
