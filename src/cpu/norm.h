// Normalisations over the last axis on the CPU, f32; weights of any float type.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

void rms_norm(Context& ctx, const Tensor& x, const Tensor& weight, float eps, Tensor& y);
void layer_norm(Context& ctx, const ops::Rows& x, const Tensor& weight, const Tensor& bias, float eps, Tensor& y);
void norm_modulate(Context& ctx, const ops::Rows& x, const Tensor& scale, const Tensor& shift,
                   const ops::TokenSets& sets, float eps, Tensor& y);
void channel_norm(Context& ctx, const Tensor& x, const Tensor& gamma, bool silu, Tensor& y);
// dx may be dy.
void rms_norm_backward(Context& ctx, const Tensor& x, const Tensor& weight, float eps, const Tensor& dy, Tensor& dx,
                       Tensor* dweight);
void norm_backward(Context& ctx, const ops::NormBackward& norm);

}  // namespace t3video::cpu
