// Softmax attention in one pass over the keys: no score matrix is ever stored.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::ops {

struct AttentionOptions {
    int64_t heads = 1;
    float scale = 1.0f;                     // multiplies q.k
    const Tensor* key_bias = nullptr;       // [keys] f32, added to the scaled score of each key, for every head
    const Tensor* relative_bias = nullptr;  // [heads, 2*n-1] f32, n = queries = keys: entry (j - i) + n - 1 is added
};

// q: [nq, heads*d], k: [nk, heads*d], v: [nk, heads*dv] f32 -> [nq, heads*dv].
Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);

// A partition of N tokens into windows: window w holds tokens order[starts[w] .. starts[w+1]).
struct TokenWindows {
    std::vector<int64_t> order;   // a permutation of 0 .. N-1
    std::vector<int64_t> starts;  // windows + 1 entries, 0 first, N last
};

// Attention inside each window of each branch; the result is the mean over the branches (one or two).
// q, k, v: [N, heads*d] f32 -> [N, heads*d]. Keys and values are read in place through the permutation.
Tensor window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, float scale,
                        std::span<const TokenWindows* const> branches);

}  // namespace t3video::ops
