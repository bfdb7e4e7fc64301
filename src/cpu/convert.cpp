// Element type conversion on the CPU. Bound by memory; what weights take (16 bit to f32, and bf16 for a GPU) is
// vectorised.
#include "cpu/convert.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/convert.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace t3video::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Words = hn::RebindToUnsigned<Floats>;
using Halves = hn::Rebind<uint16_t, Floats>;

void Bf16ToF32(const bf16* HWY_RESTRICT x, float* HWY_RESTRICT y, int64_t n) {
    const Floats df;
    const auto* bits = reinterpret_cast<const uint16_t*>(x);
    const auto lanes = static_cast<int64_t>(hn::Lanes(df));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const auto wide = hn::PromoteTo(Words(), hn::LoadU(Halves(), bits + i));
        hn::StoreU(hn::BitCast(df, hn::ShiftLeft<16>(wide)), df, y + i);
    }
    for (; i < n; ++i) y[i] = static_cast<float>(x[i]);
}

// The exponent's bias grows by 112, and by as much again for infinities and NaNs; subnormals are multiples of 2^-24.
void F16ToF32(const f16* HWY_RESTRICT x, float* HWY_RESTRICT y, int64_t n) {
    const Floats df;
    const Words du;
    const hn::RebindToSigned<Floats> di;
    const auto* bits = reinterpret_cast<const uint16_t*>(x);
    const auto lanes = static_cast<int64_t>(hn::Lanes(df));
    const auto bias = hn::Set(du, 112u << 23);
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const auto wide = hn::PromoteTo(du, hn::LoadU(Halves(), bits + i));
        const auto magnitude = hn::And(wide, hn::Set(du, 0x7FFFu));
        const auto sign = hn::ShiftLeft<16>(hn::Sub(wide, magnitude));
        const auto normal = hn::Add(hn::ShiftLeft<13>(magnitude), bias);
        const auto signed_magnitude = hn::BitCast(di, magnitude);  // comparisons of unsigned lanes are dearer
        const auto special = hn::RebindMask(du, hn::Gt(signed_magnitude, hn::Set(di, 0x7BFF)));
        const auto small = hn::RebindMask(du, hn::Lt(signed_magnitude, hn::Set(di, 0x400)));
        const auto subnormal = hn::BitCast(du, hn::Mul(hn::ConvertTo(df, signed_magnitude), hn::Set(df, 0x1p-24f)));
        const auto value = hn::IfThenElse(small, subnormal, hn::Add(normal, hn::IfThenElseZero(special, bias)));
        hn::StoreU(hn::BitCast(df, hn::Or(value, sign)), df, y + i);
    }
    for (; i < n; ++i) y[i] = static_cast<float>(x[i]);
}

// As bf16's own constructor: to nearest even, NaNs stay NaNs.
void F32ToBf16(const float* HWY_RESTRICT x, bf16* HWY_RESTRICT y, int64_t n) {
    const Floats df;
    const Words du;
    auto* bits = reinterpret_cast<uint16_t*>(y);
    const auto lanes = static_cast<int64_t>(hn::Lanes(df));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const auto value = hn::LoadU(df, x + i);
        const auto wide = hn::BitCast(du, value), high = hn::ShiftRight<16>(wide);
        const auto odd = hn::And(high, hn::Set(du, 1u));
        const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(wide, odd), hn::Set(du, 0x7FFFu)));
        const auto nan = hn::RebindMask(du, hn::IsNaN(value));
        const auto result = hn::IfThenElse(nan, hn::Or(high, hn::Set(du, 0x40u)), rounded);
        hn::StoreU(hn::TruncateTo(Halves(), result), Halves(), bits + i);
    }
    for (; i < n; ++i) y[i] = bf16(x[i]);
}

}  // namespace t3video::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t3video::cpu {
namespace {

HWY_EXPORT(Bf16ToF32);
HWY_EXPORT(F16ToF32);
HWY_EXPORT(F32ToBf16);

constexpr int64_t kGrain = 1 << 15;  // elements; smaller pieces cost more in scheduling than they win

void convert_run(const bf16* x, float* y, int64_t n) {
    HWY_DYNAMIC_DISPATCH(Bf16ToF32)(x, y, n);
}
void convert_run(const f16* x, float* y, int64_t n) {
    HWY_DYNAMIC_DISPATCH(F16ToF32)(x, y, n);
}
void convert_run(const float* x, bf16* y, int64_t n) {
    HWY_DYNAMIC_DISPATCH(F32ToBf16)(x, y, n);
}
template <class From, class To>
void convert_run(const From* x, To* y, int64_t n) {
    std::transform(x, x + n, y, [](From value) { return static_cast<To>(static_cast<float>(value)); });
}

void decode(Context& ctx, const Encoding& encoding, Tensor& y) {
    const int64_t group = encoding.group();
    visit_float(y.dtype(), [&]<class To>() {
        To* const target = y.data<To>();
        ctx.parallel_for(y.numel() / group, std::max<int64_t>(1, kGrain / group), [&](int64_t first, int64_t last) {
            if constexpr (std::is_same_v<To, float>) {
                encoding.decode(first * group, (last - first) * group, target + first * group);
            } else {
                const int64_t step = std::max<int64_t>(1, kGrain / group);
                std::vector<float> values(static_cast<size_t>(std::min(step, last - first) * group));
                for (int64_t i = first; i < last; i += step) {
                    const int64_t count = std::min(step, last - i) * group;
                    encoding.decode(i * group, count, values.data());
                    convert_run(values.data(), target + i * group, count);
                }
            }
        });
    });
}

}  // namespace

void convert(Context& ctx, const Stored& stored, Tensor& y) {
    if (stored.encoding()) return decode(ctx, *stored.encoding(), y);
    const Tensor& x = stored.numbers();
    visit_float(x.dtype(), [&]<class From>() {
        visit_float(y.dtype(), [&]<class To>() {
            const From* source = x.data<From>();
            To* target = y.data<To>();
            ctx.parallel_for(x.numel(), kGrain, [&](int64_t first, int64_t last) {
                convert_run(source + first, target + first, last - first);
            });
        });
    });
}

Tensor as_f32(Context& ctx, const Stored& x) {
    if (!x.encoding() && x.numbers().dtype() == DType::f32) return x.numbers();
    Tensor y = empty(ctx, x.shape());
    convert(ctx, x, y);
    return y;
}

}  // namespace t3video::cpu
#endif
