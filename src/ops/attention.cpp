// Attention: shapes and dispatch.
#include "ops/attention.h"

#include <algorithm>
#include <utility>

#include "cpu/attention.h"
#include "cpu/attention_backward.h"
#include "cuda/attention.h"
#include "cuda/attention_backward.h"
#include "cuda/attention_scratch.h"
#include "ops/dispatch.h"

namespace t3video::ops {
namespace {

void check(const char* op, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
    const int64_t heads = options.heads;
    require(
        q.rank() == 2 && k.rank() == 2 && v.rank() == 2 && k.dim(1) == q.dim(1) && v.dim(0) == k.dim(0) && k.dim(0) > 0,
        op, ": q ", q.shape(), ", k ", k.shape(), ", v ", v.shape());
    require(heads > 0 && q.dim(1) % heads == 0 && v.dim(1) % heads == 0, op, ": ", heads, " heads of q ", q.shape(),
            ", v ", v.shape());
    require(q.dtype() == k.dtype() && q.dtype() == v.dtype(), op, ": q of ", q.dtype(), ", k of ", k.dtype(), ", v of ",
            v.dtype());
    require(options.last_key_count >= 1, op, ": the last key counts ", options.last_key_count, " times");
    require(!options.relative_bias ||
                (q.dim(0) == k.dim(0) && options.relative_bias->shape() == Shape{heads, 2 * q.dim(0) - 1}),
            op, ": relative bias for q ", q.shape(), ", k ", k.shape(), ", ", heads, " heads");
}

// Of attention over windows; returns the pairs of tokens that share one, over all branches.
double check(const char* op, const Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads,
             std::span<const TokenWindows* const> branches) {
    require(q.rank() == 2 && q.shape() == k.shape() && q.shape() == v.shape() && q.dtype() == k.dtype() &&
                q.dtype() == v.dtype() && heads > 0 && q.dim(1) % heads == 0,
            op, ": q ", q.shape(), ", k ", k.shape(), ", v ", v.shape(), ", ", heads, " heads");
    require(branches.size() == 1 || branches.size() == 2, op, ": ", branches.size(), " branches");
    double pairs = 0;
    for (const TokenWindows* windows : branches) {
        const std::vector<int64_t>& starts = windows->starts;
        const WindowSizes sizes = windows->sizes();
        const bool whole = !starts.empty() && starts.front() == 0 && starts.back() == q.dim(0);
        require(sizes.tokens == q.dim(0) && (whole || ctx.device() == Device::meta), op, ": windows of ", sizes.tokens,
                " tokens for q ", q.shape());
        pairs += sizes.pairs;
    }
    return pairs;
}

// Of a backward on the CPU: over the keys of a prompt also the result and its logarithms, computed again.
Scratch prompt_scratch(const Context& ctx, const Tensor& dy, const Tensor& k, int64_t heads) {
    Scratch blocks{dy.bytes(), static_cast<size_t>(heads * dy.dim(0)) * sizeof(float)};
    const int threads = static_cast<int>(std::min<int64_t>(ctx.threads(), heads));
    for (const size_t block : cpu::head_scratch(threads, dy.dim(0), k.dim(0), dy.dim(1) / heads))
        blocks.push_back(block);
    return blocks;
}
Scratch window_scratch(const Context& ctx, const Tensor& q, int64_t heads,
                       std::span<const TokenWindows* const> branches) {
    int64_t longest = 0;
    for (const TokenWindows* windows : branches) longest = std::max(longest, windows->sizes().longest);
    return cpu::head_scratch(ctx.threads(), longest, longest, q.dim(1) / heads);
}

double flop(const Tensor& q, const Tensor& k, const Tensor& v) {
    return 2.0 * double(q.dim(0)) * double(k.dim(0)) * double(q.dim(1) + v.dim(1));
}

// On the GPU also what is moved: over the hundred keys of a prompt, reading queries and writing results takes longer
// than the arithmetic (4.2 GB, 1.1 of the 1.7 ms of a layer of Wan2.1-1.3B at 4K). Where scores do not stay on the
// chip, the products are products like others.
Work work_of(const Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
    const double products = flop(q, k, v);
    if (ctx.target() == Device::cpu) return {.attention = products};
    const int64_t heads = options.heads;
    if (options.relative_bias || !cuda::attention_is_fused(q.dtype(), q.dim(1) / heads, v.dim(1) / heads))
        return {.matrix = products, .bytes = cuda::score_bytes(q.dtype(), heads, q.dim(0), k.dim(0))};
    const double y_bytes = double(q.dim(0)) * double(v.dim(1)) * double(size_of(q.dtype()));
    return {.attention = products, .bytes = moved(q, k, v).bytes + y_bytes};
}

}  // namespace

Tensor attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
    check("attention", q, k, v, options);
    Tensor y = empty(ctx, {q.dim(0), v.dim(1)}, q.dtype());
    attention_into(ctx, q, k, v, options, y);
    return y;
}

void attention_into(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options,
                    Tensor& y) {
    check("attention", q, k, v, options);
    require(y.shape() == Shape{q.dim(0), v.dim(1)} && y.dtype() == q.dtype(), "attention: y ", y.shape(), " of ",
            y.dtype(), " for q ", q.shape(), " of ", q.dtype(), ", v ", v.shape());
    dispatch(
        ctx, work_of(ctx, q, k, v, options), [&] { cpu::attention(ctx, q, k, v, options, y); },
        [&] { cuda::attention(ctx, q, k, v, options, y); },
        ctx.target() == Device::cpu ? Scratch{} : cuda::attention_scratch(q, k, v, options));
}

void upload_windows(Context& ctx, TokenWindows& windows) {
    const bool listed = !windows.starts.empty();
    if (listed) windows.in_order = std::ranges::is_sorted(windows.order);
    if (ctx.target() == Device::cpu) return;
    windows.device_order = listed ? from_span(ctx, windows.order) : empty(ctx, {windows.counted.tokens}, DType::i64);
}

Tensor window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, float scale,
                        std::span<const TokenWindows* const> branches, AttentionSaved* saved, const Tensor* places) {
    const double pairs = check("window_attention", ctx, q, k, v, heads, branches);
    require(!places || (!saved && places->numel() == q.dim(0) && places->dtype() == DType::i64 &&
                        places_results(ctx, q, heads, branches)),
            "window_attention: results of q ", q.shape(), " cannot go to other rows");
    Tensor y = empty_like(ctx, q);
    if (saved) {
        saved->branches.clear();
        for (size_t i = 0; i < branches.size(); ++i) {
            AttentionSaved::Branch branch{branches.size() == 1 ? y : empty_like(ctx, q), empty(ctx, {heads, q.dim(0)})};
            if (i > 0 && ctx.target() != Device::cpu && cuda::keeps_gathered(q, heads, *branches[i])) {
                branch.q = empty_like(ctx, q);
                branch.k = empty_like(ctx, k);
                branch.v = empty_like(ctx, v);
            }
            saved->branches.push_back(std::move(branch));
        }
    }
    const WindowOptions options{heads, scale, branches, saved, places};
    const double gathered = ctx.target() == Device::cpu ? 0 : cuda::gathered_bytes(q, branches);
    dispatch(
        ctx, {.attention = 4.0 * pairs * double(q.dim(1)), .bytes = gathered},
        [&] { cpu::window_attention(ctx, q, k, v, options, y); },
        [&] { cuda::window_attention(ctx, q, k, v, options, y); },
        ctx.target() == Device::cpu
            ? Scratch{}
            : cuda::window_attention_scratch(q, heads, branches, saved != nullptr, places != nullptr));
    return y;
}

bool places_results(const Context& ctx, const Tensor& q, int64_t heads, std::span<const TokenWindows* const> branches) {
    return ctx.target() != Device::cpu && cuda::takes_hopper_windows(ctx.traits(), q, heads) &&
           std::ranges::all_of(branches,
                               [](const TokenWindows* b) { return b->sizes().shortest > cuda::kUngatheredWindow; });
}

Tensor attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                          const AttentionOptions& options, Tensor& dk, Tensor& dv) {
    Tensor dq = empty_like(ctx, q);
    attention_backward_into(ctx, q, k, v, dy, options, dq, dk, dv);
    return dq;
}

void attention_backward_into(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                             const AttentionOptions& options, Tensor& dq, Tensor& dk, Tensor& dv) {
    check("attention_backward", q, k, v, options);
    require(dq.shape() == q.shape() && dq.dtype() == q.dtype(), "attention_backward: dq ", dq.shape(), " of ",
            dq.dtype(), " for q ", q.shape(), " of ", q.dtype());
    require(!options.relative_bias, "attention_backward: a relative bias has none");
    require(dy.shape() == Shape{q.dim(0), v.dim(1)} && dy.dtype() == q.dtype(), "attention_backward: dy ", dy.shape(),
            " of ", dy.dtype(), " for q ", q.shape(), " of ", q.dtype(), ", v ", v.shape());
    require(dk.shape() == k.shape() && dv.shape() == v.shape() && dk.dtype() == DType::f32 && dv.dtype() == DType::f32,
            "attention_backward: dk ", dk.shape(), " of ", dk.dtype(), ", dv ", dv.shape(), " of ", dv.dtype(),
            " for k ", k.shape(), ", v ", v.shape());
    dispatch(
        ctx, {.attention = 2.5 * flop(q, k, v)},
        [&] { cpu::attention_backward(ctx, q, k, v, dy, options, dq, dk, dv); },
        [&] { cuda::attention_backward(ctx, q, k, v, dy, options, dq, dk, dv); },
        ctx.target() == Device::cpu ? prompt_scratch(ctx, dy, k, options.heads)
                                    : cuda::attention_backward_scratch(q, k, v, options));
}

AttentionGradients window_attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                                             const Tensor& dy, const WindowBackward& problem) {
    const auto& [heads, scale, branches, saved, deterministic] = problem;
    const double pairs = check("window_attention_backward", ctx, q, k, v, heads, branches);
    require(saved.branches.size() == branches.size() && dy.shape() == q.shape() && dy.dtype() == q.dtype(),
            "window_attention_backward: ", saved.branches.size(), " saved of ", branches.size(), " branches, dy ",
            dy.shape(), " of ", dy.dtype(), " for q ", q.shape(), " of ", q.dtype());
    AttentionGradients d{empty_like(ctx, q), empty_like(ctx, q), empty_like(ctx, q)};
    dispatch(
        ctx, {.attention = 2.5 * 4.0 * pairs * double(q.dim(1))},
        [&] { cpu::window_attention_backward(ctx, q, k, v, dy, problem, d); },
        [&] { cuda::window_attention_backward(ctx, q, k, v, dy, problem, d); },
        ctx.target() == Device::cpu ? window_scratch(ctx, q, heads, branches)
                                    : cuda::window_backward_scratch(q, heads, branches, deterministic));
    return d;
}

}  // namespace t3video::ops
