// Normalisations over the last axis on the CPU, f32; weights of any float type.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cpu {

void rms_norm(Context& ctx, const Tensor& x, const Tensor& weight, float eps, Tensor& y);
// Row i of y is the norm of row order[i] of x, or of row i.
void layer_norm(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, const Tensor* order,
                Tensor& y);
void norm_modulate(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift, int64_t boundary, float eps,
                   const Tensor* order, Tensor& y);
void channel_norm(Context& ctx, const Tensor& x, const Tensor& gamma, bool silu, Tensor& y);

}  // namespace t3video::cpu
