// Normalisations over the last axis. Bound by memory: a row is read two or three times, all but the first from cache.
// Sums run in f32 over vector lanes; rows are at most a few thousand wide.
#include "cpu/norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/convert.h"
#include "cpu/row_index.h"
#include "cpu/sum_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/norm.cpp"
#include <hwy/foreach_target.h>
#include "cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t3video::cpu::HWY_NAMESPACE {

float SumOfSquares(const float* x, int64_t n) {
    const Floats d;
    auto sum = hn::Zero(d);
    ForEachVector(n, [&](auto load, auto) HWY_ATTR {
        const auto v = load(x);
        sum = hn::MulAdd(v, v, sum);
    });
    return hn::GetLane(hn::SumOfLanes(d, sum));
}

// y = x * factor * weight, then SiLU if asked
void ScaleRow(const float* x, float factor, const float* weight, bool silu, float* y, int64_t n) {
    const Floats d;
    const auto f = hn::Set(d, factor);
    if (silu) {
        ForEachVector(
            n, [&](auto load, auto store) HWY_ATTR { store(Silu(d, hn::Mul(hn::Mul(load(x), f), load(weight))), y); });
    } else {
        ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(hn::Mul(load(x), f), load(weight)), y); });
    }
}

// y = (x - mean) / sqrt(var + eps) * (offset + scale) + shift
void LayerNormRow(const float* x, float eps, float offset, const float* scale, const float* shift, float* y,
                  int64_t n) {
    const Floats d;
    auto sum = hn::Zero(d);
    ForEachVector(n, [&](auto load, auto) HWY_ATTR { sum = hn::Add(sum, load(x)); });
    const float mean = hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(n);
    const auto m = hn::Set(d, mean);
    // Deviations go through y: the tail's padding lanes would otherwise count as -mean.
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::Sub(load(x), m), y); });
    const float rstd = 1.0f / std::sqrt(SumOfSquares(y, n) / static_cast<float>(n) + eps);
    const auto r = hn::Set(d, rstd), o = hn::Set(d, offset);
    ForEachVector(n, [&](auto load, auto store)
                         HWY_ATTR { store(hn::MulAdd(hn::Mul(load(y), r), hn::Add(o, load(scale)), load(shift)), y); });
}

// n = (x - mean) * rstd of a row, mean 0 unless centred. Returns rstd.
float NormaliseRow(const float* x, bool centred, float eps, float* normed, int64_t n) {
    const Floats d;
    auto sum = hn::Zero(d);
    if (centred) ForEachVector(n, [&](auto load, auto) HWY_ATTR { sum = hn::Add(sum, load(x)); });
    const auto mean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(n));
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::Sub(load(x), mean), normed); });
    const float rstd = 1.0f / std::sqrt(SumOfSquares(normed, n) / static_cast<float>(n) + eps);
    const auto r = hn::Set(d, rstd);
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(load(normed), r), normed); });
    return rstd;
}

// dx = rstd * (g - mean(g) - n * mean(g * n)), g = dy * (offset + scale); mean(g) only if centred, added to dx if
// asked.
void NormBackwardRow(const float* normed, float rstd, bool centred, float offset, const float* scale, const float* dy,
                     bool add, float* dx, int64_t n) {
    const Floats d;
    const auto o = hn::Set(d, offset);
    auto sum = hn::Zero(d), product = hn::Zero(d);
    ForEachVector(n, [&](auto load, auto) HWY_ATTR {
        const auto g = hn::Mul(load(dy), hn::Add(o, load(scale)));
        sum = hn::Add(sum, g);
        product = hn::MulAdd(g, load(normed), product);
    });
    const auto width = static_cast<float>(n);
    const auto mean = hn::Set(d, centred ? hn::GetLane(hn::SumOfLanes(d, sum)) / width : 0.0f);
    const auto slope = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, product)) / width);
    const auto r = hn::Set(d, rstd);
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR {
        const auto g = hn::Mul(load(dy), hn::Add(o, load(scale)));
        const auto step = hn::Mul(r, hn::NegMulAdd(load(normed), slope, hn::Sub(g, mean)));
        store(add ? hn::Add(load(dx), step) : step, dx);
    });
}

}  // namespace t3video::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t3video::cpu {
namespace {

HWY_EXPORT(SumOfSquares);
HWY_EXPORT(ScaleRow);
HWY_EXPORT(LayerNormRow);
HWY_EXPORT(NormaliseRow);
HWY_EXPORT(NormBackwardRow);

int64_t grain(int64_t width) {
    return (1 << 14) / (width + 1) + 1;
}  // rows per piece, about 64 KiB

}  // namespace

void rms_norm(Context& ctx, const Tensor& x, const Tensor& weight, float eps, Tensor& y) {
    const int64_t n = x.dim(-1);
    const Tensor w = as_f32(ctx, weight);
    const float *px = x.data<float>(), *pw = w.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(x.numel() / n, grain(n), [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
            const float squares = HWY_DYNAMIC_DISPATCH(SumOfSquares)(px + row * n, n);
            const float rstd = 1.0f / std::sqrt(squares / static_cast<float>(n) + eps);
            HWY_DYNAMIC_DISPATCH(ScaleRow)(px + row * n, rstd, pw, false, py + row * n, n);
        }
    });
}

void channel_norm(Context& ctx, const Tensor& x, const Tensor& gamma, bool silu, Tensor& y) {
    const int64_t n = x.dim(-1);
    const Tensor g = as_f32(ctx, gamma);
    const float *px = x.data<float>(), *pg = g.data<float>();
    float* py = y.data<float>();
    const float root = std::sqrt(static_cast<float>(n));
    ctx.parallel_for(x.numel() / n, grain(n), [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
            const float norm = std::sqrt(HWY_DYNAMIC_DISPATCH(SumOfSquares)(px + row * n, n));
            HWY_DYNAMIC_DISPATCH(ScaleRow)(px + row * n, root / std::max(norm, 1e-12f), pg, silu, py + row * n, n);
        }
    });
}

void layer_norm(Context& ctx, const ops::Rows& x, const Tensor& weight, const Tensor& bias, float eps, Tensor& y) {
    const int64_t n = x.data.dim(-1);
    const Tensor w = as_f32(ctx, weight), b = as_f32(ctx, bias);
    const float *px = x.data.data<float>(), *pw = w.data<float>(), *pb = b.data<float>();
    const Index indices(x.indices);
    float* py = y.data<float>();
    ctx.parallel_for(y.numel() / n, grain(n), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            HWY_DYNAMIC_DISPATCH(LayerNormRow)(px + indices[i] * n, eps, 0.0f, pw, pb, py + i * n, n);
        }
    });
}

void norm_modulate(Context& ctx, const ops::Rows& x, const Tensor& scale, const Tensor& shift,
                   const ops::TokenSets& sets, float eps, Tensor& y) {
    const int64_t n = x.data.dim(-1);
    const float *px = x.data.data<float>(), *ps = scale.data<float>(), *pb = shift.data<float>();
    const Index indices(x.indices), tokens(x.tokens);
    float* py = y.data<float>();
    ctx.parallel_for(y.dim(0), grain(n), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            const int64_t set = sets.set_of(tokens[i], scale.dim(0)) * n;
            HWY_DYNAMIC_DISPATCH(LayerNormRow)(px + indices[i] * n, eps, 1.0f, ps + set, pb + set, py + i * n, n);
        }
    });
}

void rms_norm_backward(Context& ctx, const Tensor& x, const Tensor& weight, float eps, const Tensor& dy, Tensor& dx,
                       Tensor* dweight) {
    const int64_t n = x.dim(-1), rows = x.numel() / n;
    const Tensor w = as_f32(ctx, weight);
    Tensor normed = empty(ctx, {rows, n});
    const float *px = x.data<float>(), *pw = w.data<float>(), *py = dy.data<float>();
    float *pn = normed.data<float>(), *pd = dx.data<float>();
    std::vector<float> rstd(static_cast<size_t>(rows));
    ctx.parallel_for(rows, grain(n), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
            rstd[static_cast<size_t>(i)] = HWY_DYNAMIC_DISPATCH(NormaliseRow)(px + i * n, false, eps, pn + i * n, n);
    });
    if (dweight) {  // before dx, which may be dy
        sum_products(
            ctx, {pn, py, rows, n}, [](int64_t) { return true; }, dweight->data<float>());
    }
    ctx.parallel_for(rows, grain(n), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            HWY_DYNAMIC_DISPATCH(NormBackwardRow)
            (pn + i * n, rstd[static_cast<size_t>(i)], false, 0.0f, pw, py + i * n, false, pd + i * n, n);
        }
    });
}

void norm_backward(Context& ctx, const ops::NormBackward& norm) {
    const int64_t n = norm.x.data.dim(1), rows = norm.x.count(), sets = norm.count();
    const Tensor s = as_f32(ctx, norm.scale);
    Tensor normed = empty(ctx, {rows, n});
    const float *px = norm.x.data.data<float>(), *ps = s.data<float>(), *py = norm.dy.data<float>();
    float *pn = normed.data<float>(), *pd = norm.dx.data.data<float>();
    const Index from(norm.x.indices), to(norm.dx.indices), tokens(norm.x.tokens);
    const auto set_of = [&](int64_t i) { return norm.sets.set_of(tokens[i], sets) * n; };
    ctx.parallel_for(rows, grain(n), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            const float rstd = HWY_DYNAMIC_DISPATCH(NormaliseRow)(px + from[i] * n, true, norm.eps, pn + i * n, n);
            HWY_DYNAMIC_DISPATCH(NormBackwardRow)
            (pn + i * n, rstd, true, norm.offset, ps + set_of(i), py + i * n, true, pd + to[i] * n, n);
        }
    });
    for (int64_t set = 0; set < sets * n; set += n) {
        const auto counts = [&](int64_t i) { return set_of(i) == set; };
        if (norm.dscale) sum_products(ctx, {pn, py, rows, n}, counts, norm.dscale->data<float>() + set);
        if (norm.dshift) sum_products(ctx, {nullptr, py, rows, n}, counts, norm.dshift->data<float>() + set);
    }
}

}  // namespace t3video::cpu
#endif
