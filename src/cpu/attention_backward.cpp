// Gradients of attention, a block of queries against a block of keys at a time: weights p = exp(score - log_sum_exp)
// are computed again, never stored. With dp = dy v^T and D = the sum of dy * y over a row, which is that of p * dp,
//     ds = scale * p * (dp - D),    dq = ds k,    dk = ds^T q,    dv = p^T dy.
// Bound by arithmetic: five products through oneDNN's sgemm, on the calling thread. A head of a window is one piece of
// work, so that sums have one order.
#include "cpu/attention_backward.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cpu/attention.h"
#include "cpu/state.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/attention_backward.cpp"
#include <hwy/foreach_target.h>
#include "cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t3video::cpu::HWY_NAMESPACE {

// A row of n scores becomes p, its dp becomes ds.
void GradientRow(float* scores, float* dp, float log_sum_exp, float mean, float scale, int64_t n) {
    const Floats d;
    const auto shift = hn::Set(d, log_sum_exp), m = hn::Set(d, mean), s = hn::Set(d, scale);
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR {
        const auto p = hn::Exp(d, hn::Sub(load(scores), shift));
        store(p, scores);
        store(hn::Mul(hn::Mul(s, p), hn::Sub(load(dp), m)), dp);
    });
}

float DotRow(const float* a, const float* b, int64_t n) {
    const Floats d;
    auto sum = hn::Zero(d);
    ForEachVector(n, [&](auto load, auto) HWY_ATTR { sum = hn::MulAdd(load(a), load(b), sum); });
    return hn::GetLane(hn::SumOfLanes(d, sum));
}

}  // namespace t3video::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t3video::cpu {
namespace {

HWY_EXPORT(GradientRow);
HWY_EXPORT(DotRow);

constexpr int64_t kQueries = 128;  // as in the forward: two blocks of scores and their panels stay in L2
constexpr int64_t kKeys = 256;

// One head's columns of some rows: [count, width], one behind another.
class HeadRows {
  public:
    // Rows of x, all or those listed.
    HeadRows(Context& ctx, const Tensor& x, int64_t column, int64_t width, const int64_t* ids, int64_t count)
        : HeadRows(ctx, width, count) {
        const float* from = x.data<float>() + column;
        for (int64_t i = 0; i < count; ++i) std::copy_n(from + (ids ? ids[i] : i) * x.dim(1), width, row(i));
    }
    // Zeros.
    HeadRows(Context& ctx, int64_t width, int64_t count) : width_(width), values_(zeros(ctx, {count, width})) {}

    float* row(int64_t i) { return values_.data<float>() + i * width_; }
    int64_t width() const { return width_; }

    // y = keep * y + factor * the rows, where they came from.
    void store(Tensor& y, int64_t column, const int64_t* ids, int64_t count, float keep, float factor) {
        float* to = y.data<float>() + column;
        for (int64_t i = 0; i < count; ++i) {
            float* target = to + (ids ? ids[i] : i) * y.dim(1);
            for (int64_t c = 0; c < width_; ++c) target[c] = (keep == 0 ? 0 : keep * target[c]) + factor * row(i)[c];
        }
    }

  private:
    int64_t width_;
    Tensor values_;  // from the context, which counts it
};

// Operands of one head, of the queries and keys that see one another, and room for their gradients.
struct Head {
    HeadRows q, k, v, y, dy;
    int64_t queries, keys;
    float scale;
    float last_key_bias;             // added to the last key's scores
    std::vector<float> log_sum_exp;  // of each query
    HeadRows dq, dk, dv;
};

void differentiate(Head& h) {
    const int64_t width = h.q.width(), v_width = h.v.width();
    if (h.keys == 1) {  // has all the weight, whatever its score: what would be left of ds is rounding
        for (int64_t i = 0; i < h.queries; ++i) {
            for (int64_t c = 0; c < v_width; ++c) h.dv.row(0)[c] += h.dy.row(i)[c];
        }
        return;
    }
    std::vector<float> scores(static_cast<size_t>(kQueries * kKeys)), dp(scores.size());
    float means[kQueries];
    for (int64_t first = 0; first < h.queries; first += kQueries) {
        const int64_t rows = std::min(kQueries, h.queries - first);
        for (int64_t i = 0; i < rows; ++i)
            means[i] = HWY_DYNAMIC_DISPATCH(DotRow)(h.dy.row(first + i), h.y.row(first + i), v_width);
        for (int64_t key = 0; key < h.keys; key += kKeys) {
            const int64_t count = std::min(kKeys, h.keys - key);
            dnnl_sgemm('N', 'T', rows, count, width, h.scale, h.q.row(first), width, h.k.row(key), width, 0.0f,
                       scores.data(), count);
            dnnl_sgemm('N', 'T', rows, count, v_width, 1.0f, h.dy.row(first), v_width, h.v.row(key), v_width, 0.0f,
                       dp.data(), count);
            for (int64_t i = 0; i < rows; ++i) {
                if (key + count == h.keys) scores[static_cast<size_t>((i + 1) * count - 1)] += h.last_key_bias;
                HWY_DYNAMIC_DISPATCH(GradientRow)
                (scores.data() + i * count, dp.data() + i * count, h.log_sum_exp[static_cast<size_t>(first + i)],
                 means[i], h.scale, count);
            }
            dnnl_sgemm('N', 'N', rows, width, count, 1.0f, dp.data(), count, h.k.row(key), width, 1.0f, h.dq.row(first),
                       width);
            dnnl_sgemm('T', 'N', count, width, rows, 1.0f, dp.data(), count, h.q.row(first), width, 1.0f, h.dk.row(key),
                       width);
            dnnl_sgemm('T', 'N', count, v_width, rows, 1.0f, scores.data(), count, h.dy.row(first), v_width, 1.0f,
                       h.dv.row(key), v_width);
        }
    }
}

}  // namespace

void attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                        const ops::AttentionOptions& options, Tensor& dq, Tensor& dk, Tensor& dv) {
    const int64_t queries = q.dim(0), keys = k.dim(0), heads = options.heads;
    const int64_t width = q.dim(1) / heads, v_width = v.dim(1) / heads;
    Tensor y = empty_like(ctx, dy), log_sum_exp = empty(ctx, {heads, queries});
    attention(ctx, q, k, v, options, y, &log_sum_exp);
    const float* logarithms = log_sum_exp.data<float>();
    ctx.parallel_for(heads, 1, [&](int64_t begin, int64_t end) {
        for (int64_t h = begin; h < end; ++h) {
            const int64_t column = h * width, v_column = h * v_width;
            Head head{{ctx, q, column, width, nullptr, queries},
                      {ctx, k, column, width, nullptr, keys},
                      {ctx, v, v_column, v_width, nullptr, keys},
                      {ctx, y, v_column, v_width, nullptr, queries},
                      {ctx, dy, v_column, v_width, nullptr, queries},
                      queries,
                      keys,
                      options.scale,
                      std::log(static_cast<float>(options.last_key_count)),
                      {logarithms + h * queries, logarithms + (h + 1) * queries},
                      {ctx, width, queries},
                      {ctx, width, keys},
                      {ctx, v_width, keys}};
            differentiate(head);
            head.dq.store(dq, column, nullptr, queries, 0.0f, 1.0f);
            head.dk.store(dk, column, nullptr, keys, 1.0f, 1.0f);
            head.dv.store(dv, v_column, nullptr, keys, 1.0f, 1.0f);
        }
    });
}

void window_attention_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                               const ops::WindowBackward& problem, ops::AttentionGradients& d) {
    const int64_t tokens = q.dim(0), heads = problem.heads, width = q.dim(1) / heads;
    const float share = 1.0f / static_cast<float>(problem.branches.size());  // of a branch in the mean
    for (size_t branch = 0; branch < problem.branches.size(); ++branch) {
        const ops::TokenWindows& windows = *problem.branches[branch];
        const ops::AttentionSaved::Branch& saved = problem.saved.branches[branch];
        const float* logarithms = saved.log_sum_exp.data<float>();
        const auto count = static_cast<int64_t>(windows.starts.size()) - 1;
        const float keep = branch == 0 ? 0.0f : 1.0f;
        ctx.parallel_for(count * heads, 1, [&](int64_t begin, int64_t end) {
            for (int64_t task = begin; task < end; ++task) {
                const auto window = static_cast<size_t>(task / heads);
                const int64_t h = task % heads, column = h * width;
                const int64_t* ids = windows.order.data() + windows.starts[window];
                const int64_t n = windows.starts[window + 1] - windows.starts[window];
                const auto rows = [&](const Tensor& x) { return HeadRows(ctx, x, column, width, ids, n); };
                const auto room = [&] { return HeadRows(ctx, width, n); };
                Head head{rows(q), rows(k), rows(v), rows(saved.output), rows(dy), n, n, problem.scale, 0.0f, {},
                          room(),  room(),  room()};
                for (int64_t i = 0; i < n; ++i) head.log_sum_exp.push_back(logarithms[h * tokens + ids[i]]);
                differentiate(head);
                for (auto [from, to] : {std::pair{&head.dq, &d.q}, {&head.dk, &d.k}, {&head.dv, &d.v}})
                    from->store(*to, column, ids, n, keep, share);
            }
        });
    }
}

}  // namespace t3video::cpu
#endif
