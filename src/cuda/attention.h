// Softmax attention on the GPU.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::cuda {

void attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const ops::AttentionOptions& options,
               Tensor& y);
void window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, float scale,
                      std::span<const ops::TokenWindows* const> branches, Tensor& y);

}  // namespace t3video::cuda
