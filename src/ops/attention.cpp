// Attention: shapes and dispatch.
#include "ops/attention.h"

#include "cpu/attention.h"

namespace t3video::ops {

Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
    const int64_t heads = options.heads;
    require(
        q.rank() == 2 && k.rank() == 2 && v.rank() == 2 && k.dim(1) == q.dim(1) && v.dim(0) == k.dim(0) && k.dim(0) > 0,
        "attention: q ", q.shape(), ", k ", k.shape(), ", v ", v.shape());
    require(heads > 0 && q.dim(1) % heads == 0 && v.dim(1) % heads == 0, "attention: ", heads, " heads of q ",
            q.shape(), ", v ", v.shape());
    require(!options.key_bias || options.key_bias->numel() == k.dim(0), "attention: a key bias for each of ", k.dim(0),
            " keys");
    require(!options.relative_bias ||
                (q.dim(0) == k.dim(0) && options.relative_bias->shape() == Shape{heads, 2 * q.dim(0) - 1}),
            "attention: relative bias for q ", q.shape(), ", k ", k.shape(), ", ", heads, " heads");
    Tensor y = empty(ctx, {q.dim(0), v.dim(1)});
    cpu::attention(ctx, q, k, v, options, y);
    return y;
}

Tensor window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, float scale,
                        std::span<const TokenWindows* const> branches) {
    require(q.rank() == 2 && q.shape() == k.shape() && q.shape() == v.shape() && heads > 0 && q.dim(1) % heads == 0,
            "window_attention: q ", q.shape(), ", k ", k.shape(), ", v ", v.shape(), ", ", heads, " heads");
    require(branches.size() == 1 || branches.size() == 2, "window_attention: ", branches.size(), " branches");
    for (const TokenWindows* windows : branches) {
        require(static_cast<int64_t>(windows->order.size()) == q.dim(0) && !windows->starts.empty() &&
                    windows->starts.front() == 0 && windows->starts.back() == q.dim(0),
                "window_attention: windows of ", windows->order.size(), " tokens for q ", q.shape());
    }
    Tensor y = empty_like(ctx, q);
    cpu::window_attention(ctx, q, k, v, heads, scale, branches, y);
    return y;
}

}  // namespace t3video::ops
