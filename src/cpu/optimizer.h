// Optimisers: see ops/optimizer.h.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

double sum_of_squares(Context& ctx, std::span<const Tensor> tensors);
void adamw(Context& ctx, const ops::AdamStep& step, const Tensor& gradient, Tensor& w, ops::AdamMoment& m,
           ops::AdamMoment& v, Tensor* rounded);

}  // namespace t3video::cpu
