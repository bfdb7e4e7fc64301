// Attention. In bf16 with narrow heads cuDNN's fused kernel computes it, bound by the matrix units; windows are
// gathered into rows that follow one another in front of it and scattered, averaged, behind it (window_rows.cu). On
// Hopper windows with heads of 128 have a kernel of our own, which scatters its results itself; windows of a few tokens
// have one on every card (small_windows.cu). All else (f32, the VAE's one wide head, the text encoder's relative bias)
// is two matrix products and a softmax over slices of the queries. What a backward needs comes from the same kernels:
// branches then keep their rows, and a pass averages them.
#include "cuda/attention.h"

#include <array>
#include <cmath>
#include <vector>

#include "cuda/attention_scratch.h"
#include "cuda/hopper/attention.h"
#include "cuda/kernel.cuh"
#include "cuda/library/fused_attention.h"
#include "cuda/library/gemm.h"
#include "cuda/small_windows.h"
#include "cuda/softmax.h"
#include "cuda/window_rows.h"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

// --- products and softmax --------------------------------------------------------------------------------------------

// Queries, keys or values of all heads, side by side in each row.
struct HeadsMatrix {
    const std::byte* data;
    int64_t count, stride, width;  // rows, elements from row to row, elements of a head
};

// What the softmax does besides.
struct SoftmaxOptions {
    const float* relative = nullptr;
    int64_t last_key_count = 1;
    LogSumExp log_sum_exp = {};
};

void plain_attention(Context& ctx, DType dtype, const HeadsMatrix& q, const HeadsMatrix& k, const HeadsMatrix& v,
                     int64_t heads, float scale, const SoftmaxOptions& options, std::byte* y, int64_t y_stride) {
    State& s = state(ctx);
    const size_t element = size_of(dtype);
    const int64_t fit = static_cast<int64_t>(kScoreBytes / sizeof(float)) / (heads * k.count);
    const int64_t step = std::clamp<int64_t>(fit, 1, q.count);
    Tensor scores = empty(ctx, {heads, step, k.count});
    // In bf16 weights are divided by their sums behind the product with the values, so that scores are read once.
    const bool late = dtype == DType::bf16;
    Tensor probabilities, sums, weighted;
    if (late) {
        probabilities = empty(ctx, scores.shape(), dtype);
        sums = empty(ctx, {heads, step});
        weighted = empty(ctx, {step, heads * v.width});
    } else {
        probabilities = scores;
    }
    for (int64_t first = 0; first < q.count; first += step) {
        const int64_t rows = std::min(step, q.count - first);
        gemm(s,
             {.m = rows,
              .n = k.count,
              .k = q.width,
              .in = dtype,
              .out = DType::f32,
              .lda = q.stride,
              .ldb = k.stride,
              .ldc = k.count,
              .batch = heads,
              .step_a = q.width,
              .step_b = k.width,
              .step_c = rows * k.count,
              .alpha = scale},
             q.data + static_cast<size_t>(first * q.stride) * element, k.data, scores.raw());
        const Softmax rows_of_scores{.heads = heads,
                                     .rows = rows,
                                     .keys = k.count,
                                     .relative = options.relative,
                                     .first_query = first,
                                     .last_key_count = options.last_key_count,
                                     .log_sum_exp = options.log_sum_exp};
        if (late) {
            softmax_weights(s, rows_of_scores, in<float>(scores), probabilities.raw(), out<float>(sums));
        } else {
            softmax(s, rows_of_scores, in<float>(scores), probabilities.raw(), dtype);
        }
        std::byte* const result = y + static_cast<size_t>(first * y_stride) * element;
        gemm(s,
             {.m = rows,
              .n = v.width,
              .k = k.count,
              .in = dtype,
              .out = DType::f32,
              .lda = k.count,
              .ldb = v.stride,
              .ldc = late ? weighted.dim(1) : y_stride,
              .b_transposed = false,
              .batch = heads,
              .step_a = rows * k.count,
              .step_b = v.width,
              .step_c = v.width},
             probabilities.raw(), v.data, late ? weighted.raw() : result);
        if (late) divide_rows(s, in<float>(weighted), in<float>(sums), heads, rows, v.width, result, y_stride);
    }
}

// --- windows ---------------------------------------------------------------------------------------------------------

// y = (a + b) / 2, the bits that scatter_windows gives of the same branches
template <class T, int N>
__global__ void mean_of_branches(const T* a, const T* b, int64_t packs, T* y) {
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < packs; i += int64_t{gridDim.x} * kThreads) {
        Pack<T, N> value = load<N>(a + i * N);
        const Pack<T, N> other = load<N>(b + i * N);
        for (int j = 0; j < N; ++j)
            value.value[j] = from_float<T>(0.5f * (to_float(value.value[j]) + to_float(other.value[j])));
        store(y + i * N, value);
    }
}

// Writes the log-sum-exp of windows, [windows, heads, tokens], to where those of their rows belong.
__global__ void store_log_sum_exp(const float* x, int64_t count, int64_t heads, int64_t tokens, LogSumExp to) {
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads) {
        to.store(i / tokens % heads, i / (heads * tokens) * tokens + i % tokens, x[i]);
    }
}

__global__ void compose(const int64_t* outer, const int64_t* inner, int64_t count, int64_t* y) {
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads)
        y[i] = outer[inner[i]];
}

// y[i] = outer[inner[i]]
Tensor composed(Context& ctx, const Tensor& outer, const Tensor& inner) {
    Tensor y = empty_like(ctx, inner);
    const State& s = state(ctx);
    compose<<<blocks_for(s, y.numel() / kThreads), kThreads, 0, s.stream>>>(in<int64_t>(outer), in<int64_t>(inner),
                                                                            y.numel(), out<int64_t>(y));
    check_launch();
    return y;
}

void average(State& s, const Tensor& a, const Tensor& b, Tensor& y) {
    visit(y.dtype(), [&]<class T>() {
        constexpr int kElements = 16 / sizeof(T);
        const int64_t packs = y.numel() / kElements;
        mean_of_branches<T, kElements>
            <<<blocks_for(s, packs / kThreads), kThreads, 0, s.stream>>>(in<T>(a), in<T>(b), packs, out<T>(y));
    });
    check_launch();
}

// Attention of `count` windows of equal size whose rows follow one another.
void attend(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, int64_t count, int64_t heads, float scale,
            const LogSumExp& log_sum_exp, Tensor& y) {
    const int64_t tokens = q.dim(0) / count, stride = q.dim(1), width = stride / heads;
    if (attention_is_fused(q.dtype(), width, width)) {
        FusedAttention problem{count, heads, tokens, tokens, width, scale};
        if (!log_sum_exp.to) return fused_attention(ctx, problem, q.raw(), k.raw(), v.raw(), y.raw());
        problem.statistics = true;
        Tensor logarithms = empty(ctx, {count, heads, tokens});
        fused_attention(ctx, problem, q.raw(), k.raw(), v.raw(), y.raw(), nullptr, logarithms.raw());
        const State& s = state(ctx);
        store_log_sum_exp<<<blocks_for(s, logarithms.numel() / kThreads), kThreads, 0, s.stream>>>(
            in<float>(logarithms), logarithms.numel(), heads, tokens, log_sum_exp);
        return check_launch();
    }
    for (int64_t w = 0; w < count; ++w) {
        const auto rows = [&](const Tensor& x) {
            return HeadsMatrix{x.slice(w * tokens, (w + 1) * tokens).raw(), tokens, stride, width};
        };
        plain_attention(ctx, q.dtype(), rows(q), rows(k), rows(v), heads, scale,
                        {.log_sum_exp = log_sum_exp.from(w * tokens)}, y.slice(w * tokens, (w + 1) * tokens).raw(),
                        stride);
    }
}

// The rows of x and behind them the last one again, `count` times in all.
Tensor with_last_repeated(Context& ctx, const Tensor& x, int64_t count) {
    Tensor all = empty(ctx, {x.dim(0) + count - 1, x.dim(1)}, x.dtype());
    Tensor head = all.slice(0, x.dim(0));
    copy_into(ctx, head, x);
    const int64_t first = x.dim(0) - 1;
    for (int64_t have = 1; have < count;) {  // doubling
        const int64_t more = std::min(have, count - have);
        Tensor to = all.slice(first + have, first + have + more);
        copy_into(ctx, to, all.slice(first, first + more));
        have += more;
    }
    return all;
}

}  // namespace

void attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const ops::AttentionOptions& options,
               Tensor& y) {
    const int64_t heads = options.heads, qk_width = q.dim(1) / heads, v_width = v.dim(1) / heads;
    if (!options.relative_bias && attention_is_fused(q.dtype(), qk_width, v_width)) {
        FusedAttention problem{1, heads, q.dim(0), k.dim(0), qk_width, options.scale};
        if (options.last_key_count == 1) return fused_attention(ctx, problem, q.raw(), k.raw(), v.raw(), y.raw());
        problem.key_bias = true;
        if (fused_attention_runs(ctx, problem)) {
            std::vector<float> bias(static_cast<size_t>(k.dim(0)), 0.0f);
            bias.back() = std::log(static_cast<float>(options.last_key_count));
            return fused_attention(ctx, problem, q.raw(), k.raw(), v.raw(), y.raw(),
                                   from_span(ctx, bias, {k.dim(0)}).raw());
        }
        const Tensor keys = with_last_repeated(ctx, k, options.last_key_count),
                     values = with_last_repeated(ctx, v, options.last_key_count);
        problem.key_bias = false;
        problem.keys = keys.dim(0);
        return fused_attention(ctx, problem, q.raw(), keys.raw(), values.raw(), y.raw());
    }
    plain_attention(ctx, q.dtype(), {q.raw(), q.dim(0), q.dim(1), qk_width}, {k.raw(), k.dim(0), k.dim(1), qk_width},
                    {v.raw(), v.dim(0), v.dim(1), v_width}, heads, options.scale,
                    {.relative = options.relative_bias ? in<float>(*options.relative_bias) : nullptr,
                     .last_key_count = options.last_key_count},
                    y.raw(), v.dim(1));
}

void window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                      const ops::WindowOptions& options, Tensor& y) {
    const int64_t heads = options.heads;
    const float scale = options.scale;
    const auto& branches = options.branches;
    require(q.dim(1) * static_cast<int64_t>(size_of(q.dtype())) % 16 == 0, "window_attention: rows of ", q.dim(1), " ",
            q.dtype(), " are no multiple of 16 bytes");
    State& s = state(ctx);
    const bool by_hopper = scale > 0 && takes_hopper_windows(ctx.traits(), q, heads);
    require(!options.places || by_hopper, "window_attention: scale ", scale);
    for (size_t branch = 0; branch < branches.size(); ++branch) {
        const ops::TokenWindows& windows = *branches[branch];
        ops::AttentionSaved::Branch* saved = options.saved ? &options.saved->branches[branch] : nullptr;
        Tensor& result = saved ? saved->output : y;
        const bool onto_first = branch == 1 && !saved;
        const LogSumExp log_sum_exp = saved ? LogSumExp{out<float>(saved->log_sum_exp), q.dim(0)} : LogSumExp{};
        const auto count = static_cast<int64_t>(windows.starts.size()) - 1;
        const bool direct = windows.in_order && branch == 0;  // a second branch would overwrite the first
        const bool kept = saved && saved->gathered();         // what is gathered, and results stay as they come
        const Tensor order =
            direct || windows.device_order.defined() ? windows.device_order : from_span(ctx, windows.order);
        // Rows of the result of what is taken from `order`, or directly.
        Tensor places;
        if (options.places) places = direct ? *options.places : composed(ctx, *options.places, order);
        const auto start = [&](int64_t i) { return windows.starts[static_cast<size_t>(i)]; };
        const auto size = [&](int64_t i) { return start(i + 1) - start(i); };
        for (int64_t w = 0; w < count;) {
            // Windows of one size, or for our own kernel of several, as many as are gathered at once.
            const bool small = size(w) <= kSmallWindow;
            std::vector<WindowRun> runs;
            int64_t last = w;
            for (; last < count; ++last) {
                const bool same = !runs.empty() && runs.back().tokens == size(last);
                const bool fits = direct || small || start(last + 1) - start(w) <= kGatheredTokens;
                if (!runs.empty() && !fits) break;
                if (!same) {
                    const bool mixes = by_hopper && !small && size(last) > kSmallWindow && runs.size() < kMostRuns;
                    if (!runs.empty() && !mixes) break;
                    runs.push_back({0, size(last)});
                }
                ++runs.back().windows;
            }
            const int64_t begin = start(w), end = start(last), tokens = size(w);
            LogSumExp logarithms = direct || kept ? log_sum_exp.from(begin) : log_sum_exp;
            if (!direct && !kept) logarithms.order = in<int64_t>(order) + begin;
            const auto rows_of = [&](const Tensor& x) { return direct || kept ? x.slice(begin, end) : x; };
            if (small) {
                Tensor rows = rows_of(result);
                small_window_attention(ctx, {last - w, tokens, heads, scale, logarithms.order, onto_first, logarithms},
                                       rows_of(q), rows_of(k), rows_of(v), rows);
                w = last;
                continue;
            }
            Tensor gathered[3];
            if (!direct) {
                for (size_t i = 0; const Tensor* x : {&q, &k, &v}) {
                    Tensor& to = gathered[i++];
                    to = kept ? rows_of(x == &q   ? saved->q
                                        : x == &k ? saved->k
                                                  : saved->v)
                              : empty(ctx, {end - begin, x->dim(1)}, x->dtype());
                }
                gather_windows(s, std::array{&q, &k, &v}, in<int64_t>(order) + begin, gathered);
            }
            const Tensor queries = direct ? q.slice(begin, end) : gathered[0],
                         keys = direct ? k.slice(begin, end) : gathered[1],
                         values = direct ? v.slice(begin, end) : gathered[2];
            if (by_hopper) {
                hopper_attention(ctx,
                                 {.runs = runs,
                                  .heads = heads,
                                  .scale = scale,
                                  .order = places.defined() ? in<int64_t>(places) + begin : logarithms.order,
                                  .average = onto_first,
                                  .log_sum_exp = logarithms.to,
                                  .log_step = logarithms.head_step},
                                 queries.raw(), keys.raw(), values.raw(),
                                 places.defined() ? result.raw() : rows_of(result).raw());
            } else if (direct || kept) {
                Tensor rows = rows_of(result);
                attend(ctx, queries, keys, values, last - w, heads, scale, logarithms, rows);
            } else {
                Tensor attended = empty(ctx, {end - begin, q.dim(1)}, q.dtype());
                attend(ctx, queries, keys, values, last - w, heads, scale, logarithms, attended);
                scatter_windows(s, attended, in<int64_t>(order) + begin, onto_first ? &result : nullptr, result);
            }
            w = last;
        }
    }
    if (!options.saved || branches.size() == 1) return;
    const ops::AttentionSaved::Branch &first = options.saved->branches[0], &second = options.saved->branches[1];
    if (!second.gathered()) return average(s, first.output, second.output, y);
    const Tensor& uploaded = branches[1]->device_order;
    const Tensor order = uploaded.defined() ? uploaded : from_span(ctx, branches[1]->order);
    scatter_windows(s, second.output, in<int64_t>(order), &first.output, y);
}

}  // namespace t3video::cuda
