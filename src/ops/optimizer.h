// An optimiser's arithmetic on one parameter at a time. All is f32 unless said.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::ops {

// The sum of all elements squared; not finite where one of them is not. Of the same tensors always the same bits.
double sum_of_squares(Context& ctx, std::span<const Tensor> tensors);

// One step of AdamW ("Decoupled Weight Decay Regularization", Loshchilov and Hutter), g = factor * gradient:
//     m = beta1 m + (1 - beta1) g,    v = beta2 v + (1 - beta2) g^2,
//     w = w (1 - rate * decay) - rate * (m / correction1) / (sqrt(v / correction2) + eps),
// with correction = 1 - beta^step. `rounded`, of the compute type, where it is not null becomes the new w, rounded.
// Moments are of w's shape, f32 or in 8 bits (AdamMoment).
void adamw(Context& ctx, const AdamStep& step, const Tensor& gradient, Tensor& w, AdamMoment& m, AdamMoment& v,
           Tensor* rounded);

// y = keep * y + (1 - keep) * x
void blend_into(Context& ctx, Tensor& y, const Tensor& x, float keep);

}  // namespace t3video::ops
