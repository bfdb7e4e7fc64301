// Softmax attention in one pass over the keys: no score matrix is ever stored.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::ops {

// q: [nq, heads*d], k: [nk, heads*d], v: [nk, heads*dv] f32 -> [nq, heads*dv].
Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);

// Attention inside each window of each branch; the result is the mean over the branches (one or two).
// q, k, v: [N, heads*d] f32 -> [N, heads*d]. Keys and values are read in place through the permutation.
Tensor window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, float scale,
                        std::span<const TokenWindows* const> branches);

}  // namespace t3video::ops
