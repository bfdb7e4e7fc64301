// Gradients of attention. Of windows in bf16 with narrow heads cuDNN computes them, bound by the matrix units, from
// what the forward left: rows are gathered in front and scattered, averaged, behind as in the forward. Windows of a few
// tokens have a kernel of our own, and so has attention over the keys of a prompt where heads are narrow in bf16. All
// else is five matrix products around one pass over the scores, in slices of the queries, bound by the memory that
// scores go through: 12 bytes written and 14 read for each score in bf16.
#include "cuda/attention_backward.h"

#include <utility>
#include <vector>

#include "cuda/convert.h"
#include "cuda/few_keys_backward.h"
#include "cuda/kernel.cuh"
#include "cuda/library/fused_attention_backward.h"
#include "cuda/library/gemm.h"
#include "cuda/small_windows_backward.h"
#include "cuda/softmax_backward.h"
#include "cuda/window_rows.h"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

// --- products and softmax --------------------------------------------------------------------------------------------

struct PlainBackward {
    DType dtype;
    int64_t heads, queries, keys, qk_width, v_width;  // widths of a head
    float scale;
    int64_t last_key_count = 1;
    bool add = false;     // onto dk and dv
    bool padded = false;  // k, v, dk and dv have score_stride(keys) rows; those of k and v behind the keys are zeros
};

// All heads lie side by side in each row.
struct PlainOperands {
    const std::byte *q, *k, *v, *dy;
    std::byte *dq, *dk, *dv;  // dq of the type of q, dk and dv f32
};

void plain_backward(Context& ctx, const PlainBackward& p, const PlainOperands& x) {
    State& s = state(ctx);
    const int64_t stride = score_stride(p.keys), step = backward_queries(p.heads, p.queries, p.keys);
    const int64_t keys = p.padded ? stride : p.keys;  // of products; p and ds of those behind p.keys are zeros
    Tensor scores = empty(ctx, {p.heads, step, stride}), dp = empty(ctx, scores.shape());
    const bool in_place = p.dtype == DType::f32;
    Tensor probabilities = in_place ? scores : empty(ctx, scores.shape(), p.dtype),
           ds = in_place ? dp : empty(ctx, scores.shape(), p.dtype);
    for (int64_t first = 0; first < p.queries; first += step) {
        const int64_t rows = std::min(step, p.queries - first);
        const auto from_first = [&](auto* data, int64_t width) {
            return data + static_cast<size_t>(first * p.heads * width) * size_of(p.dtype);
        };
        const std::byte *q = from_first(x.q, p.qk_width), *dy = from_first(x.dy, p.v_width);
        // to = factor * a b^T, a: queries, b: keys
        const auto multiply = [&](const std::byte* a, const std::byte* b, int64_t width, float factor, Tensor& to) {
            gemm(s,
                 {.m = rows,
                  .n = keys,
                  .k = width,
                  .in = p.dtype,
                  .out = DType::f32,
                  .lda = p.heads * width,
                  .ldb = p.heads * width,
                  .ldc = stride,
                  .batch = p.heads,
                  .step_a = width,
                  .step_b = width,
                  .step_c = rows * stride,
                  .alpha = factor},
                 a, b, to.raw());
        };
        multiply(q, x.k, p.qk_width, p.scale, scores);
        multiply(dy, x.v, p.v_width, 1.0f, dp);
        softmax_backward(s, {p.heads * rows, p.keys, stride, p.last_key_count}, in<float>(scores), in<float>(dp),
                         probabilities.raw(), ds.raw(), p.dtype);
        // dq = scale * ds k
        gemm(s,
             {.m = rows,
              .n = p.qk_width,
              .k = keys,
              .in = p.dtype,
              .out = p.dtype,
              .lda = stride,
              .ldb = p.heads * p.qk_width,
              .ldc = p.heads * p.qk_width,
              .b_transposed = false,
              .batch = p.heads,
              .step_a = rows * stride,
              .step_b = p.qk_width,
              .step_c = p.qk_width,
              .alpha = p.scale},
             ds.raw(), x.k, from_first(x.dq, p.qk_width));
        // to += factor * weights^T from
        const auto sum = [&](const Tensor& weights, const std::byte* from, int64_t width, float factor, std::byte* to) {
            gemm(s,
                 {.m = keys,
                  .n = width,
                  .k = rows,
                  .in = p.dtype,
                  .out = DType::f32,
                  .lda = stride,
                  .ldb = p.heads * width,
                  .ldc = p.heads * width,
                  .a_transposed = true,
                  .b_transposed = false,
                  .batch = p.heads,
                  .step_a = rows * stride,
                  .step_b = width,
                  .step_c = width,
                  .alpha = factor,
                  .accumulate = p.add || first > 0},
                 weights.raw(), from, to);
        };
        sum(ds, q, p.qk_width, p.scale, x.dk);
        sum(probabilities, dy, p.v_width, 1.0f, x.dv);
    }
}

// The rows of x, and zeros behind them.
Tensor padded_rows(Context& ctx, const Tensor& x, int64_t rows) {
    Tensor y = zeros(ctx, {rows, x.dim(1)}, x.dtype());
    check(cudaMemcpyAsync(y.raw(), x.raw(), x.bytes(), cudaMemcpyDeviceToDevice, state(ctx).stream));
    return y;
}

// --- windows ---------------------------------------------------------------------------------------------------------

static_assert(kUngatheredWindow == kSmallWindow);

// The logarithms of rows that lie one after another, or where an order says: of row i of a head
// from[head * head_step + i], or + order[i].
struct SavedLogarithms {
    const float* from;
    int64_t head_step;
    const int64_t* order = nullptr;
};

// Windows of equal size, one after another.
struct Run {
    int64_t windows, tokens;
    Tensor q = {}, k = {}, v = {}, dy = {};
    Tensor y = {};  // where cuDNN may take them
    ops::AttentionGradients d;
    SavedLogarithms logarithms;
};

// to: [windows, heads, tokens]
__global__ void load_log_sum_exp(SavedLogarithms x, int64_t count, int64_t heads, int64_t tokens, float* to) {
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads) {
        const int64_t row = i / (heads * tokens) * tokens + i % tokens;
        to[i] = x.from[i / tokens % heads * x.head_step + (x.order ? x.order[row] : row)];
    }
}

// False where cuDNN has no kernel, or would need too much memory: the gradients may hold anything then.
bool by_library(Context& ctx, const ops::WindowBackward& problem, const Run& run) {
    const int64_t stride = run.q.dim(1), width = stride / problem.heads;
    int64_t windows = run.windows, heads = problem.heads;  // of a call
    if (problem.deterministic) {
        const auto fit = static_cast<int64_t>(kOrderedBytes / ordered_bytes(run.tokens));
        if (fit == 0) return false;
        heads = std::min(heads, fit);
        windows = std::min(windows, fit / heads);
    }
    const State& s = state(ctx);
    for (int64_t w = 0; w < run.windows; w += windows) {
        for (int64_t head = 0; head < problem.heads; head += heads) {
            const FusedAttentionBackward call{.windows = std::min(windows, run.windows - w),
                                              .heads = std::min(heads, problem.heads - head),
                                              .tokens = run.tokens,
                                              .width = width,
                                              .stride = stride,
                                              .scale = problem.scale,
                                              .deterministic = problem.deterministic};
            SavedLogarithms from = run.logarithms;
            from.from += head * from.head_step;
            if (from.order) {
                from.order += w * run.tokens;
            } else {
                from.from += w * run.tokens;
            }
            Tensor logarithms = empty(ctx, {call.windows, call.heads, call.tokens});
            load_log_sum_exp<<<blocks_for(s, logarithms.numel() / kThreads), kThreads, 0, s.stream>>>(
                from, logarithms.numel(), call.heads, call.tokens, out<float>(logarithms));
            check_launch();
            const auto at = [&](auto& x) {
                return x.raw() + static_cast<size_t>(w * run.tokens * stride + head * width) * size_of(x.dtype());
            };
            Tensor dq = run.d.q, dk = run.d.k, dv = run.d.v;
            if (!fused_attention_backward(
                    ctx, call,
                    {at(run.q), at(run.k), at(run.v), at(run.y), at(run.dy), logarithms.raw(), at(dq), at(dk), at(dv)}))
                return false;
        }
    }
    return true;
}

void by_products(Context& ctx, const ops::WindowBackward& problem, const Run& run) {
    const int64_t stride = run.q.dim(1), width = stride / problem.heads, tokens = run.tokens;
    const bool direct = run.q.dtype() == DType::f32;  // sums are f32
    Tensor sums_of_k, sums_of_v;
    if (!direct) sums_of_k = empty(ctx, {tokens, stride}), sums_of_v = empty(ctx, {tokens, stride});
    for (int64_t w = 0; w < run.windows; ++w) {
        const auto rows = [&](const Tensor& x) { return x.slice(w * tokens, (w + 1) * tokens); };
        Tensor dq = rows(run.d.q), dk = rows(run.d.k), dv = rows(run.d.v);
        plain_backward(ctx,
                       {.dtype = run.q.dtype(),
                        .heads = problem.heads,
                        .queries = tokens,
                        .keys = tokens,
                        .qk_width = width,
                        .v_width = width,
                        .scale = problem.scale},
                       {rows(run.q).raw(), rows(run.k).raw(), rows(run.v).raw(), rows(run.dy).raw(), dq.raw(),
                        (direct ? dk : sums_of_k).raw(), (direct ? dv : sums_of_v).raw()});
        if (direct) continue;
        convert(ctx, sums_of_k, dk);
        convert(ctx, sums_of_v, dv);
    }
}

void backward_of(Context& ctx, const ops::WindowBackward& problem, const Run& run) {
    if (!run.y.defined() || !by_library(ctx, problem, run)) by_products(ctx, problem, run);
}

}  // namespace

void attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                        const ops::AttentionOptions& options, Tensor& dq, Tensor& dk, Tensor& dv) {
    if (q.dim(0) == 0 || few_keys_backward(ctx, q, k, v, dy, options, dq, dk, dv)) return;
    const PlainBackward problem{.dtype = q.dtype(),
                                .heads = options.heads,
                                .queries = q.dim(0),
                                .keys = k.dim(0),
                                .qk_width = q.dim(1) / options.heads,
                                .v_width = v.dim(1) / options.heads,
                                .scale = options.scale,
                                .last_key_count = options.last_key_count,
                                .add = true,
                                .padded = true};
    const int64_t rows = score_stride(k.dim(0));
    if (rows == k.dim(0)) {
        plain_backward(ctx, problem, {q.raw(), k.raw(), v.raw(), dy.raw(), dq.raw(), dk.raw(), dv.raw()});
        return;
    }
    // Other counts of keys would take kernels that read and write element by element.
    const Tensor padded_k = padded_rows(ctx, k, rows), padded_v = padded_rows(ctx, v, rows);
    Tensor padded_dk = padded_rows(ctx, dk, rows), padded_dv = padded_rows(ctx, dv, rows);
    plain_backward(ctx, problem,
                   {q.raw(), padded_k.raw(), padded_v.raw(), dy.raw(), dq.raw(), padded_dk.raw(), padded_dv.raw()});
    const cudaStream_t stream = state(ctx).stream;
    check(cudaMemcpyAsync(dk.raw(), padded_dk.raw(), dk.bytes(), cudaMemcpyDeviceToDevice, stream));
    check(cudaMemcpyAsync(dv.raw(), padded_dv.raw(), dv.bytes(), cudaMemcpyDeviceToDevice, stream));
}

void window_attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                               const ops::WindowBackward& problem, ops::AttentionGradients& d) {
    const int64_t heads = problem.heads, width = q.dim(1) / heads;
    require(q.dim(1) * static_cast<int64_t>(size_of(q.dtype())) % 16 == 0, "window_attention_backward: rows of ",
            q.dim(1), " ", q.dtype(), " are no multiple of 16 bytes");
    State& s = state(ctx);
    const bool fused = attention_is_fused(q.dtype(), width, width);
    for (size_t branch = 0; branch < problem.branches.size(); ++branch) {
        const ops::TokenWindows& windows = *problem.branches[branch];
        const ops::AttentionSaved::Branch& saved = problem.saved.branches[branch];
        const bool onto_first = branch == 1;
        const bool direct = windows.in_order && branch == 0;  // a second branch would overwrite the first
        const Tensor order_owner =
            direct || windows.device_order.defined() ? windows.device_order : from_span(ctx, windows.order);
        const auto count = static_cast<int64_t>(windows.starts.size()) - 1;
        const auto start = [&](int64_t i) { return windows.starts[static_cast<size_t>(i)]; };
        const auto size = [&](int64_t i) { return start(i + 1) - start(i); };
        for (int64_t w = 0, last; w < count; w = last) {
            const int64_t tokens = size(w), begin = start(w);
            const bool small = tokens <= kSmallWindow;
            last = w + 1;
            while (last < count && size(last) == tokens) ++last;
            if (!small) {  // in equal parts
                const int64_t most = std::max<int64_t>((direct ? 2 : 1) * kBackwardTokens / tokens, 1);
                const int64_t parts = (last - w + most - 1) / most;
                last = w + (last - w + parts - 1) / parts;
            }
            const int64_t end = start(last);
            const int64_t* order = direct ? nullptr : in<int64_t>(order_owner) + begin;
            const auto rows_of = [&](const Tensor& x) { return direct ? x.slice(begin, end) : x; };
            ops::AttentionGradients rows{rows_of(d.q), rows_of(d.k), rows_of(d.v)};
            if (small) {
                small_window_backward(ctx, {last - w, tokens, heads, problem.scale, order, onto_first}, rows_of(q),
                                      rows_of(k), rows_of(v), rows_of(dy), rows);
                continue;
            }
            Run run{.windows = last - w,
                    .tokens = tokens,
                    .d = rows,
                    .logarithms = {in<float>(saved.log_sum_exp), q.dim(0), order}};
            const auto piece = [&](const Tensor& x) { return x.slice(begin, end); };
            if (direct || saved.gathered()) {
                run.logarithms.order = nullptr;
                run.logarithms.from += begin;
                if (fused) run.y = piece(saved.output);
            }
            if (direct) {
                run.q = piece(q), run.k = piece(k), run.v = piece(v), run.dy = piece(dy);
                backward_of(ctx, problem, run);
                continue;
            }
            std::vector<std::pair<const Tensor*, Tensor*>> gathered{{&dy, &run.dy}};
            if (saved.gathered()) {
                run.q = piece(saved.q), run.k = piece(saved.k), run.v = piece(saved.v);
            } else {
                gathered.insert(gathered.end(), {{&q, &run.q}, {&k, &run.k}, {&v, &run.v}});
                if (fused) gathered.emplace_back(&saved.output, &run.y);
            }
            std::vector<const Tensor*> from;
            std::vector<Tensor> to;
            for (const auto& [x, rows_of_x] : gathered) {
                from.push_back(x);
                to.push_back(*rows_of_x = empty(ctx, {end - begin, q.dim(1)}, q.dtype()));
            }
            gather_windows(s, from, order, to);
            for (Tensor* x : {&run.d.q, &run.d.k, &run.d.v}) *x = empty(ctx, run.dy.shape(), q.dtype());
            backward_of(ctx, problem, run);
            scatter_windows(s, run.d.q, order, onto_first ? &d.q : nullptr, d.q);
            scatter_windows(s, run.d.k, order, onto_first ? &d.k : nullptr, d.k);
            scatter_windows(s, run.d.v, order, onto_first ? &d.v : nullptr, d.v);
        }
    }
}

}  // namespace t3video::cuda
