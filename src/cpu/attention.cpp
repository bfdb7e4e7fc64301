// Attention in one pass over the keys: a block of queries meets a block of keys at a time, the running maximum and sum
// of each row make the softmax exact, and the scores never leave cache. Bound by arithmetic: the two products go
// through oneDNN's sgemm, which runs on the calling thread inside a parallel loop.
#include "cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/state.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/attention.cpp"
#include <hwy/foreach_target.h>
#include "cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t3video::cpu::HWY_NAMESPACE {

// Adds a bias row to scores.
void AddRow(float* s, const float* bias, int64_t n) {
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::Add(load(s), load(bias)), s); });
}

// Folds a row of n scores into the running softmax: s becomes exp(s - maximum), the maximum, the sum and the row's
// accumulated output of `width` are brought to the new maximum.
void SoftmaxRow(float* s, int64_t n, float& maximum, float& sum, float* out, int64_t width) {
    const Floats d;
    auto top = hn::Set(d, maximum);
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) top = hn::Max(top, hn::LoadU(d, s + i));
    float next = hn::GetLane(hn::MaxOfLanes(d, top));
    for (; i < n; ++i) next = HWY_MAX(next, s[i]);
    const auto shift = hn::Set(d, next);
    auto total = hn::Zero(d);
    for (i = 0; i + lanes <= n; i += lanes) {
        const auto e = hn::Exp(d, hn::Sub(hn::LoadU(d, s + i), shift));
        hn::StoreU(e, d, s + i);
        total = hn::Add(total, e);
    }
    float added = hn::GetLane(hn::SumOfLanes(d, total));
    for (; i < n; ++i) {
        s[i] = std::exp(s[i] - next);
        added += s[i];
    }
    const float fade = std::exp(maximum - next);
    maximum = next;
    sum = sum * fade + added;
    if (fade != 1.0f) {
        const auto f = hn::Set(d, fade);
        ForEachVector(width, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(load(out), f), out); });
    }
}

// y = y * y_factor + x * x_factor
void Blend(const float* x, float x_factor, float y_factor, float* y, int64_t n) {
    const Floats d;
    const auto f = hn::Set(d, x_factor);
    if (y_factor == 0.0f) {
        ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(load(x), f), y); });
    } else {
        ForEachVector(n, [&](auto load, auto store)
                             HWY_ATTR { store(hn::MulAdd(load(x), f, hn::Mul(load(y), hn::Set(d, y_factor))), y); });
    }
}

// scores[j] = scale q k_j of n rows of a panel; returns the largest.
float ScoreFew(const float* q, const float* k, int64_t stride, int64_t n, int64_t width, float scale, float* scores) {
    const Floats d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    float top = -std::numeric_limits<float>::infinity();
    for (int64_t j = 0; j < n; ++j) {
        const float* row = k + j * stride;
        auto sums = hn::Zero(d);
        int64_t c = 0;
        for (; c + lanes <= width; c += lanes) sums = hn::MulAdd(hn::LoadU(d, q + c), hn::LoadU(d, row + c), sums);
        float sum = hn::GetLane(hn::SumOfLanes(d, sums));
        for (; c < width; ++c) sum += q[c] * row[c];
        scores[j] = scale * sum;
        top = HWY_MAX(top, scores[j]);
    }
    return top;
}

// out += factor * x
void AddScaled(const float* x, float factor, float* out, int64_t n) {
    const Floats d;
    const auto f = hn::Set(d, factor);
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::MulAdd(load(x), f, load(out)), out); });
}

}  // namespace t3video::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t3video::cpu {
namespace {

HWY_EXPORT(AddRow);
HWY_EXPORT(SoftmaxRow);
HWY_EXPORT(Blend);
HWY_EXPORT(ScoreFew);
HWY_EXPORT(AddScaled);

constexpr int64_t kQueries = 128;  // rows of a block: with kKeys, the scores (128 KiB) and both panels stay in L2
constexpr int64_t kKeys = 256;
constexpr int64_t kFewKeys = 8;  // of so few, calling sgemm takes longer than the products

// Rows of a token matrix seen by one head: consecutive, or listed by id.
struct HeadRows {
    const float* base;   // the head's first column of row 0
    int64_t stride;      // floats from row to row
    const int64_t* ids;  // null: row i is i
    int64_t width;       // the head's columns

    const float* row(int64_t i) const { return base + (ids ? ids[i] : i) * stride; }
};

// A panel for sgemm: the rows in place when they are evenly spaced, else gathered into `scratch`.
struct Panel {
    const float* data;
    int64_t stride;
};

Panel panel(const HeadRows& rows, int64_t first, int64_t count, std::vector<float>& scratch) {
    if (!rows.ids) return {rows.row(first), rows.stride};
    scratch.resize(static_cast<size_t>(count * rows.width));
    for (int64_t i = 0; i < count; ++i) std::copy_n(rows.row(first + i), rows.width, scratch.data() + i * rows.width);
    return {scratch.data(), rows.width};
}

// What a thread works with; the vectors grow to the largest block of queries and keys.
struct Buffers {
    std::vector<float> q, k, v, scores, out, maximum, sum;
};

// One head's softmax(scale q k^T + bias) v for queries [first, last); unnormalised rows in Buffers::out, sums beside
// them.
struct AttentionHead {
    HeadRows q, k, v;
    int64_t keys;
    float scale;
    const float* key_bias;       // [keys] or null
    const float* relative_bias;  // entry (key - query), may be negative; or null
};

// attend() over few keys, without a bias.
void attend_few(const AttentionHead& head, const Panel& q, int64_t rows, Buffers& s) {
    const int64_t width = head.v.width;
    const Panel k = panel(head.k, 0, head.keys, s.k), v = panel(head.v, 0, head.keys, s.v);
    for (int64_t i = 0; i < rows; ++i) {
        float* scores = s.scores.data();
        const float top = HWY_DYNAMIC_DISPATCH(ScoreFew)(q.data + i * q.stride, k.data, k.stride, head.keys,
                                                         head.q.width, head.scale, scores);
        float sum = 0;
        for (int64_t j = 0; j < head.keys; ++j) {
            const float weight = std::exp(scores[j] - top);
            sum += weight;
            HWY_DYNAMIC_DISPATCH(AddScaled)(v.data + j * v.stride, weight, s.out.data() + i * width, width);
        }
        s.maximum[static_cast<size_t>(i)] = top;
        s.sum[static_cast<size_t>(i)] = sum;
    }
}

void attend(const AttentionHead& head, int64_t first, int64_t last, Buffers& s) {
    const int64_t rows = last - first, width = head.v.width;
    s.scores.resize(static_cast<size_t>(kQueries * kKeys));
    s.out.assign(static_cast<size_t>(rows * width), 0.0f);
    s.maximum.assign(static_cast<size_t>(rows), -std::numeric_limits<float>::infinity());
    s.sum.assign(static_cast<size_t>(rows), 0.0f);
    const Panel q = panel(head.q, first, rows, s.q);
    if (head.keys <= kFewKeys && !head.key_bias && !head.relative_bias) return attend_few(head, q, rows, s);
    for (int64_t key = 0; key < head.keys; key += kKeys) {
        const int64_t count = std::min(kKeys, head.keys - key);
        const Panel k = panel(head.k, key, count, s.k), v = panel(head.v, key, count, s.v);
        dnnl_sgemm('N', 'T', rows, count, head.q.width, head.scale, q.data, q.stride, k.data, k.stride, 0.0f,
                   s.scores.data(), count);
        for (int64_t i = 0; i < rows; ++i) {
            float* scores = s.scores.data() + i * count;
            if (head.key_bias) HWY_DYNAMIC_DISPATCH(AddRow)(scores, head.key_bias + key, count);
            if (head.relative_bias) HWY_DYNAMIC_DISPATCH(AddRow)(scores, head.relative_bias + key - (first + i), count);
            HWY_DYNAMIC_DISPATCH(SoftmaxRow)
            (scores, count, s.maximum[static_cast<size_t>(i)], s.sum[static_cast<size_t>(i)], s.out.data() + i * width,
             width);
        }
        dnnl_sgemm('N', 'N', rows, width, count, 1.0f, s.scores.data(), count, v.data, v.stride, 1.0f, s.out.data(),
                   width);
    }
}

}  // namespace

void attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const ops::AttentionOptions& options,
               Tensor& y, Tensor* log_sum_exp) {
    const int64_t queries = q.dim(0), keys = k.dim(0), heads = options.heads;
    const int64_t qk_width = q.dim(1) / heads, v_width = v.dim(1) / heads;
    const int64_t blocks = (queries + kQueries - 1) / kQueries;
    const float *pq = q.data<float>(), *pk = k.data<float>(), *pv = v.data<float>();
    std::vector<float> key_bias;  // a key that stands for n has exp(score) n times
    if (options.last_key_count > 1) {
        key_bias.assign(static_cast<size_t>(keys), 0.0f);
        key_bias.back() = std::log(static_cast<float>(options.last_key_count));
    }
    const float* relative = options.relative_bias ? options.relative_bias->data<float>() : nullptr;
    float *py = y.data<float>(), *logarithms = log_sum_exp ? log_sum_exp->data<float>() : nullptr;
    ctx.parallel_for(heads * blocks, 1, [&](int64_t begin, int64_t end) {
        Buffers s;
        for (int64_t task = begin; task < end; ++task) {
            const int64_t h = task / blocks, first = task % blocks * kQueries,
                          last = std::min(first + kQueries, queries);
            const AttentionHead head{{pq + h * qk_width, q.dim(1), nullptr, qk_width},
                                     {pk + h * qk_width, k.dim(1), nullptr, qk_width},
                                     {pv + h * v_width, v.dim(1), nullptr, v_width},
                                     keys,
                                     options.scale,
                                     key_bias.empty() ? nullptr : key_bias.data(),
                                     relative ? relative + h * (2 * queries - 1) + queries - 1 : nullptr};
            attend(head, first, last, s);
            for (int64_t i = first; i < last; ++i) {
                if (logarithms) {
                    logarithms[h * queries + i] =
                        s.maximum[static_cast<size_t>(i - first)] + std::log(s.sum[static_cast<size_t>(i - first)]);
                }
                HWY_DYNAMIC_DISPATCH(Blend)
                (s.out.data() + (i - first) * v_width, 1.0f / s.sum[static_cast<size_t>(i - first)], 0.0f,
                 py + i * v.dim(1) + h * v_width, v_width);
            }
        }
    });
}

void window_attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                      const ops::WindowOptions& options, Tensor& y) {
    const int64_t tokens = q.dim(0), heads = options.heads, stride = q.dim(1), width = stride / heads;
    const auto& branches = options.branches;
    const float *pq = q.data<float>(), *pk = k.data<float>(), *pv = v.data<float>();
    float* py = y.data<float>();
    const float share = 1.0f / static_cast<float>(branches.size());
    struct Task {
        int64_t window, first;  // a block of queries of a window
    };
    for (size_t branch = 0; branch < branches.size(); ++branch) {
        const ops::TokenWindows& windows = *branches[branch];
        std::vector<Task> tasks;
        for (size_t w = 0; w + 1 < windows.starts.size(); ++w) {
            const int64_t count = windows.starts[w + 1] - windows.starts[w];
            for (int64_t first = 0; first < count; first += kQueries) tasks.push_back({static_cast<int64_t>(w), first});
        }
        const auto blocks = static_cast<int64_t>(tasks.size());
        ops::AttentionSaved::Branch* saved = options.saved ? &options.saved->branches[branch] : nullptr;
        float* logarithms = saved ? saved->log_sum_exp.data<float>() : nullptr;
        float* own = saved && branches.size() > 1 ? saved->output.data<float>() : nullptr;  // a single one is y
        ctx.parallel_for(blocks * heads, 1, [&](int64_t begin, int64_t end) {
            Buffers s;
            for (int64_t task = begin; task < end; ++task) {
                const auto [window, first] = tasks[static_cast<size_t>(task / heads)];
                const int64_t column = task % heads * width;
                const int64_t* ids = windows.order.data() + windows.starts[static_cast<size_t>(window)];
                const int64_t keys =
                    windows.starts[static_cast<size_t>(window) + 1] - windows.starts[static_cast<size_t>(window)];
                const int64_t last = std::min(first + kQueries, keys);
                attend({{pq + column, stride, ids, width},
                        {pk + column, stride, ids, width},
                        {pv + column, stride, ids, width},
                        keys,
                        options.scale,
                        nullptr,
                        nullptr},
                       first, last, s);
                for (int64_t i = first; i < last; ++i) {
                    HWY_DYNAMIC_DISPATCH(Blend)
                    (s.out.data() + (i - first) * width, share / s.sum[static_cast<size_t>(i - first)],
                     branch == 0 ? 0.0f : 1.0f, py + ids[i] * stride + column, width);
                }
                for (int64_t i = first; saved && i < last; ++i) {
                    const float sum = s.sum[static_cast<size_t>(i - first)];
                    logarithms[task % heads * tokens + ids[i]] =
                        s.maximum[static_cast<size_t>(i - first)] + std::log(sum);
                    if (!own) continue;
                    HWY_DYNAMIC_DISPATCH(Blend)
                    (s.out.data() + (i - first) * width, 1.0f / sum, 0.0f, own + ids[i] * stride + column, width);
                }
            }
        });
    }
}

}  // namespace t3video::cpu
#endif
