// Gradients of attention on the CPU: see ops/attention.h.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

void attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                        const ops::AttentionOptions& options, Tensor& dq, Tensor& dk, Tensor& dv);
void window_attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                               const ops::WindowBackward& problem, ops::AttentionGradients& d);

}  // namespace t3video::cpu
