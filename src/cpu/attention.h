// Streaming-softmax attention on the CPU.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

// log_sum_exp: [heads, nq] f32, of each row of scores, or null.
void attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const ops::AttentionOptions& options,
               Tensor& y, Tensor* log_sum_exp = nullptr);

void window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                      const ops::WindowOptions& options, Tensor& y);

}  // namespace t3video::cpu
