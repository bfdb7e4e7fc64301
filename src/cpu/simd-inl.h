// Vector pieces that several ops share. Included once per Highway target, between HWY_BEFORE_NAMESPACE and its end.
#if defined(T3VIDEO_CPU_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef T3VIDEO_CPU_SIMD_INL_H
#undef T3VIDEO_CPU_SIMD_INL_H
#else
#define T3VIDEO_CPU_SIMD_INL_H
#endif

#include <cstdint>

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace t3video::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

// Calls f(load, store) for whole vectors of [0, n) and once more for the tail: load(p) reads p[i...], with zeros
// past the end; store(v, p) writes what lies inside.
template <class F>
HWY_INLINE void ForEachVector(int64_t n, F&& f) {
    const Floats d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        f([&](const float* p) HWY_ATTR { return hn::LoadU(d, p + i); },
          [&](auto v, float* p) HWY_ATTR { hn::StoreU(v, d, p + i); });
    }
    if (i < n) {
        const auto inside = hn::FirstN(d, static_cast<size_t>(n - i));
        f(
            [&](const float* p) HWY_ATTR {
                HWY_ALIGN float buffer[hn::MaxLanes(Floats())] = {};
                for (int64_t j = i; j < n; ++j) buffer[j - i] = p[j];
                return hn::Load(d, buffer);
            },
            [&](auto v, float* p) HWY_ATTR {
                HWY_ALIGN float buffer[hn::MaxLanes(Floats())];
                hn::Store(hn::IfThenElseZero(inside, v), d, buffer);
                for (int64_t j = i; j < n; ++j) p[j] = buffer[j - i];
            });
    }
}

// exp(x) where x > 88 counts as 88: beyond it Highway's Exp leaves its range, and 1 / (1 + e^88) is 0 for any sum here.
template <class V>
HWY_INLINE V BoundedExp(Floats d, V x) {
    return hn::Exp(d, hn::Min(x, hn::Set(d, 88.0f)));
}

// x / (1 + exp(-x))
template <class V>
HWY_INLINE V Silu(Floats d, V x) {
    return hn::Div(x, hn::Add(hn::Set(d, 1.0f), BoundedExp(d, hn::Neg(x))));
}

// 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3)
template <class V>
HWY_INLINE V GeluTanh(Floats d, V x) {
    const V cube = hn::Mul(hn::Mul(x, x), x);
    const V u = hn::Mul(hn::Set(d, -1.5957691216057308f), hn::MulAdd(hn::Set(d, 0.044715f), cube, x));
    return hn::Div(x, hn::Add(hn::Set(d, 1.0f), BoundedExp(d, u)));
}

}  // namespace t3video::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
