// Softmax attention in one pass over the keys: no score matrix is ever stored.
#pragma once

#include <span>

#include "tensor/op_types.h"

namespace t3video::ops {

// q: [nq, heads*d], k: [nk, heads*d], v: [nk, heads*dv] of one type, f32 or the compute type -> [nq, heads*dv] of it.
Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);
// The same into y.
void attention_into(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options,
                    Tensor& y);

// Copies the order of tokens to the device, as TokenWindows::device_order, and marks windows that need no
// reordering; of windows without lists the caller did. Optional: without, every call copies the order.
void upload_windows(Context& ctx, TokenWindows& windows);

// Attention inside each window of each branch; the result is the mean over the branches (one or two).
// q, k, v: [N, heads*d] of one type, f32 or the compute type -> [N, heads*d] of it. `saved` gets what a backward needs;
// the result is the same with it, up to the rounding of a library that has another kernel for it. `places`, a
// permutation of N rows, [N] i64: the result of row i becomes row places[i], where places_results() says so.
Tensor window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, float scale,
                        std::span<const TokenWindows* const> branches, AttentionSaved* saved = nullptr,
                        const Tensor* places = nullptr);
// Whether results go anywhere at no cost: on Hopper, for heads of 128 in bf16 and windows that are not tiny.
bool places_results(const Context& ctx, const Tensor& q, int64_t heads, std::span<const TokenWindows* const> branches);

// Backward of attention without a relative bias, for dy: [nq, heads*dv] of q's type. With p = softmax(scale q k^T) and
// dp = dy v^T:    ds = p * (dp - sum over keys of p * dp),
//     dq = scale * ds k, returned;    dk += scale * ds^T q,    dv += p^T dy.   dk, dv: f32 of k's and v's shapes.
// Of a last key that stands for several, the sum of their gradients.
Tensor attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                          const AttentionOptions& options, Tensor& dk, Tensor& dv);
// The same with dq of q's shape and type.
void attention_backward_into(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                             const AttentionOptions& options, Tensor& dq, Tensor& dk, Tensor& dv);

// The same of window_attention, for dy: [N, heads*d] of q's type, and what it left (WindowBackward). Results are of q's
// type.
AttentionGradients window_attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                                             const Tensor& dy, const WindowBackward& problem);

}  // namespace t3video::ops
