// Element by element arithmetic on the CPU. Bound by memory: one pass, threads over contiguous pieces.
#include "cpu/elementwise.h"

#include "cpu/row_index.h"

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

// y = a * b + c
void MulAdd(const float* a, const float* b, const float* c, float* y, int64_t n) {
    ForEachVector(n, [&](auto load, auto store) HWY_ATTR { store(hn::MulAdd(load(a), load(b), load(c)), y); });
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
HWY_EXPORT(MulAdd);

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

void add_residual(Context& ctx, ops::Rows& x, const ops::Residual& residual, int64_t boundary) {
    const Tensor* gate = residual.gate;
    const int64_t width = x.data.dim(1), last_set = gate ? (gate->dim(0) - 1) * width : 0;
    const float *ph = residual.h.data<float>(), *pg = gate ? gate->data<float>() : nullptr;
    const Index indices(x.indices), tokens(x.tokens);
    float* px = x.data.data<float>();
    ctx.parallel_for(residual.h.dim(0), row_grain(width), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            float* to = px + indices[i] * width;
            if (pg) {
                const float* g = pg + (tokens[i] < boundary ? 0 : last_set);
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

}  // namespace t3video::cpu
#endif
