// Softmax attention on the GPU.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cuda {

void attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const ops::AttentionOptions& options,
               Tensor& y);
void window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                      const ops::WindowOptions& options, Tensor& y);

}  // namespace t3video::cuda
