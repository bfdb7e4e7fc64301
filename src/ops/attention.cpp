// Attention: shapes and dispatch.
#include "ops/attention.h"

#include <algorithm>

#include "cpu/attention.h"
#include "cuda/attention.h"
#include "cuda/attention_scratch.h"
#include "ops/dispatch.h"

namespace t3video::ops {

Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
    const int64_t heads = options.heads;
    require(
        q.rank() == 2 && k.rank() == 2 && v.rank() == 2 && k.dim(1) == q.dim(1) && v.dim(0) == k.dim(0) && k.dim(0) > 0,
        "attention: q ", q.shape(), ", k ", k.shape(), ", v ", v.shape());
    require(heads > 0 && q.dim(1) % heads == 0 && v.dim(1) % heads == 0, "attention: ", heads, " heads of q ",
            q.shape(), ", v ", v.shape());
    require(q.dtype() == k.dtype() && q.dtype() == v.dtype(), "attention: q of ", q.dtype(), ", k of ", k.dtype(),
            ", v of ", v.dtype());
    require(options.last_key_count >= 1, "attention: the last key counts ", options.last_key_count, " times");
    require(!options.relative_bias ||
                (q.dim(0) == k.dim(0) && options.relative_bias->shape() == Shape{heads, 2 * q.dim(0) - 1}),
            "attention: relative bias for q ", q.shape(), ", k ", k.shape(), ", ", heads, " heads");
    Tensor y = empty(ctx, {q.dim(0), v.dim(1)}, q.dtype());
    dispatch(
        ctx, {.attention = 2.0 * double(q.dim(0)) * double(k.dim(0)) * double(q.dim(1) + v.dim(1))},
        [&] { cpu::attention(ctx, q, k, v, options, y); }, [&] { cuda::attention(ctx, q, k, v, options, y); },
        ctx.target() == Device::cpu ? Scratch{} : cuda::attention_scratch(q, k, v, options));
    return y;
}

void upload_windows(Context& ctx, TokenWindows& windows) {
    const bool listed = !windows.starts.empty();
    if (listed) windows.in_order = std::ranges::is_sorted(windows.order);
    if (ctx.target() == Device::cpu) return;
    windows.device_order = listed ? from_span(ctx, windows.order) : empty(ctx, {windows.counted.tokens}, DType::i64);
}

Tensor window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, float scale,
                        std::span<const TokenWindows* const> branches, AttentionSaved* saved) {
    require(q.rank() == 2 && q.shape() == k.shape() && q.shape() == v.shape() && q.dtype() == k.dtype() &&
                q.dtype() == v.dtype() && heads > 0 && q.dim(1) % heads == 0,
            "window_attention: q ", q.shape(), ", k ", k.shape(), ", v ", v.shape(), ", ", heads, " heads");
    require(branches.size() == 1 || branches.size() == 2, "window_attention: ", branches.size(), " branches");
    double pairs = 0;
    for (const TokenWindows* windows : branches) {
        const std::vector<int64_t>& starts = windows->starts;
        const WindowSizes sizes = windows->sizes();
        const bool whole = !starts.empty() && starts.front() == 0 && starts.back() == q.dim(0);
        require(sizes.tokens == q.dim(0) && (whole || ctx.device() == Device::meta), "window_attention: windows of ",
                sizes.tokens, " tokens for q ", q.shape());
        pairs += sizes.pairs;
    }
    Tensor y = empty_like(ctx, q);
    if (saved) {
        saved->branches.clear();
        for (size_t i = 0; i < branches.size(); ++i) {
            saved->branches.push_back({branches.size() == 1 ? y : empty_like(ctx, q), empty(ctx, {heads, q.dim(0)})});
        }
    }
    const WindowOptions options{heads, scale, branches, saved};
    dispatch(
        ctx, {.attention = 4.0 * pairs * double(q.dim(1))}, [&] { cpu::window_attention(ctx, q, k, v, options, y); },
        [&] { cuda::window_attention(ctx, q, k, v, options, y); },
        ctx.target() == Device::cpu ? Scratch{} : cuda::window_attention_scratch(q, heads, branches, saved != nullptr));
    return y;
}

}  // namespace t3video::ops
