// Element by element arithmetic on the CPU. Bound by memory: one pass, threads over contiguous pieces.
#include "cpu/elementwise.h"

#include "cpu/row_index.h"
#include "cpu/sum_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/elementwise.cpp"
#include <hwy/foreach_target.h>
#include "cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t3video::cpu::HWY_NAMESPACE {

void Mul(const float* a, const float* b, float* y, int64_t n) {
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(load(a), load(b)), y); });
}

void Axpby(float alpha, const float* a, float beta, const float* b, float* y, int64_t n) {
    const Floats d;
    const auto va = hn::Set(d, alpha), vb = hn::Set(d, beta);
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::MulAdd(va, load(a), hn::Mul(vb, load(b))), y); });
}

void SiluAll(const float* x, float* y, int64_t n) {
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(Silu(Floats(), load(x)), y); });
}

void GeluTanhAll(const float* x, float* y, int64_t n) {
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(GeluTanh(Floats(), load(x)), y); });
}

void SoftClampAll(const float* x, float bound, float* y, int64_t n) {
    const Floats d;
    const auto b = hn::Set(d, bound);
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(b, hn::Tanh(d, hn::Div(load(x), b))), y); });
}

// y = a * b + c
void MulAdd(const float* a, const float* b, const float* c, float* y, int64_t n) {
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::MulAdd(load(a), load(b), load(c)), y); });
}

void SiluBackward(const float* x, const float* dy, float* dx, int64_t n) {
    const Floats d;
    const auto one = hn::Set(d, 1.0f);
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR {
        const auto v = load(x), s = hn::Div(one, hn::Add(one, BoundedExp(d, hn::Neg(v))));
        store(hn::Mul(hn::Mul(load(dy), s), hn::MulAdd(v, hn::Sub(one, s), one)), dx);
    });
}

// dy * (s + x s (1 - s) 2u'), s = 1 / (1 + exp(-2u)), 2u = 2 sqrt(2/pi) (x + 0.044715 x^3). Beyond the reach of the
// exponential s is 0 or 1, and 1 - s with it: x^3 times that is not asked for what lies outside.
void GeluTanhBackward(const float* x, const float* dy, float* dx, int64_t n) {
    const Floats d;
    const auto one = hn::Set(d, 1.0f), limit = hn::Set(d, 16.0f);
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR {
        const auto v = hn::Clamp(load(x), hn::Neg(limit), limit), square = hn::Mul(v, v);
        const auto minus_2u =
            hn::Mul(hn::Mul(hn::Set(d, -1.5957691216057308f), v), hn::MulAdd(hn::Set(d, 0.044715f), square, one));
        const auto s = hn::Div(one, hn::Add(one, BoundedExp(d, minus_2u)));
        const auto slope =
            hn::MulAdd(hn::Set(d, 3 * 0.044715f * 1.5957691216057308f), square, hn::Set(d, 1.5957691216057308f));
        const auto bend = hn::Mul(hn::Mul(hn::Mul(v, s), hn::Sub(one, s)), slope);
        store(hn::Mul(load(dy), hn::Add(s, bend)), dx);
    });
}

}  // namespace t3video::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t3video::cpu {
namespace {

HWY_EXPORT(Mul);
HWY_EXPORT(Axpby);
HWY_EXPORT(SiluAll);
HWY_EXPORT(GeluTanhAll);
HWY_EXPORT(SoftClampAll);
HWY_EXPORT(MulAdd);
HWY_EXPORT(SiluBackward);
HWY_EXPORT(GeluTanhBackward);

constexpr int64_t kGrain = 1 << 14;  // elements per piece

int64_t row_grain(int64_t width) {
    return kGrain / (width + 1) + 1;
}

}  // namespace

void mul(Context& ctx, const Tensor& a, const Tensor& b, Tensor& y) {
    const float *pa = a.data<float>(), *pb = b.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(y.numel(), kGrain, [&](int64_t first, int64_t last) {
        HWY_DYNAMIC_DISPATCH(Mul)(pa + first, pb + first, py + first, last - first);
    });
}

void axpby(Context& ctx, float alpha, const Tensor& a, float beta, const Tensor& b, Tensor& y) {
    const float *pa = a.data<float>(), *pb = b.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(y.numel(), kGrain, [&](int64_t first, int64_t last) {
        HWY_DYNAMIC_DISPATCH(Axpby)(alpha, pa + first, beta, pb + first, py + first, last - first);
    });
}

void silu(Context& ctx, const Tensor& x, Tensor& y) {
    const float* px = x.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(y.numel(), kGrain, [&](int64_t first, int64_t last) {
        HWY_DYNAMIC_DISPATCH(SiluAll)(px + first, py + first, last - first);
    });
}

void gelu_tanh(Context& ctx, const Tensor& x, Tensor& y) {
    const float* px = x.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(y.numel(), kGrain, [&](int64_t first, int64_t last) {
        HWY_DYNAMIC_DISPATCH(GeluTanhAll)(px + first, py + first, last - first);
    });
}

void soft_clamp(Context& ctx, const Tensor& x, float bound, Tensor& y) {
    const float* px = x.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(y.numel(), kGrain, [&](int64_t first, int64_t last) {
        HWY_DYNAMIC_DISPATCH(SoftClampAll)(px + first, bound, py + first, last - first);
    });
}

void add_residual(Context& ctx, ops::Rows& x, const ops::Residual& residual, const ops::TokenSets& sets) {
    const Tensor* gate = residual.gate;
    const int64_t width = x.data.dim(1);
    const float *ph = residual.h.data<float>(), *pg = gate ? gate->data<float>() : nullptr;
    const Index indices(x.indices), tokens(x.tokens);
    float* px = x.data.data<float>();
    ctx.parallel_for(residual.h.dim(0), row_grain(width), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            float* to = px + indices[i] * width;
            if (pg) {
                const float* g = pg + sets.set_of(tokens[i], gate->dim(0)) * width;
                HWY_DYNAMIC_DISPATCH(MulAdd)(g, ph + i * width, to, to, width);
            } else {
                HWY_DYNAMIC_DISPATCH(Axpby)(1.0f, ph + i * width, 1.0f, to, to, width);
            }
        }
    });
}

void affine(Context& ctx, const Tensor& x, const Tensor& scale, const Tensor& shift, Tensor& y) {
    const int64_t width = x.dim(-1);
    const float *px = x.data<float>(), *ps = scale.data<float>(), *pb = shift.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(x.numel() / width, row_grain(width), [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
            HWY_DYNAMIC_DISPATCH(MulAdd)(px + row * width, ps, pb, py + row * width, width);
        }
    });
}

void add_row(Context& ctx, const Tensor& x, const Tensor& row, Tensor& y) {
    const int64_t width = x.dim(1);
    const float *px = x.data<float>(), *pr = row.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(x.dim(0), row_grain(width), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
            HWY_DYNAMIC_DISPATCH(Axpby)(1.0f, px + i * width, 1.0f, pr, py + i * width, width);
    });
}

void silu_backward(Context& ctx, const Tensor& x, const Tensor& dy, Tensor& dx) {
    const float *px = x.data<float>(), *py = dy.data<float>();
    float* pd = dx.data<float>();
    ctx.parallel_for(dx.numel(), kGrain, [&](int64_t first, int64_t last) {
        HWY_DYNAMIC_DISPATCH(SiluBackward)(px + first, py + first, pd + first, last - first);
    });
}

void gelu_tanh_backward(Context& ctx, const Tensor& x, const Tensor& dy, Tensor& dx) {
    const float *px = x.data<float>(), *py = dy.data<float>();
    float* pd = dx.data<float>();
    ctx.parallel_for(dx.numel(), kGrain, [&](int64_t first, int64_t last) {
        HWY_DYNAMIC_DISPATCH(GeluTanhBackward)(px + first, py + first, pd + first, last - first);
    });
}

void add_gated_backward(Context& ctx, const ops::Rows& dx, const Tensor& gate, const Tensor& h,
                        const ops::TokenSets& sets, Tensor& dh, Tensor* dgate) {
    const int64_t rows = h.dim(0), width = h.dim(1), count = gate.dim(0);
    const float *px = dx.data.data<float>(), *pg = gate.data<float>(), *ph = h.data<float>();
    const Index indices(dx.indices), tokens(dx.tokens);
    float* pd = dh.data<float>();
    const auto set_of = [&](int64_t i) { return sets.set_of(tokens[i], count) * width; };
    ctx.parallel_for(rows, row_grain(width), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
            HWY_DYNAMIC_DISPATCH(Mul)(pg + set_of(i), px + indices[i] * width, pd + i * width, width);
    });
    for (int64_t set = 0; dgate && set < count * width; set += width) {
        const auto counts = [&](int64_t i) { return set_of(i) == set; };
        sum_products(ctx, {px, ph, rows, width, indices}, counts, dgate->data<float>() + set);
    }
}

}  // namespace t3video::cpu
#endif
