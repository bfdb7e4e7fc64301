// Element type conversion on the CPU. Bound by memory; only the direction weights take (16 bit to f32) is vectorised.
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

void Bf16ToF32(const uint16_t* HWY_RESTRICT x, float* HWY_RESTRICT y, int64_t n) {
    const hn::ScalableTag<float> df;
    const hn::RebindToUnsigned<decltype(df)> du;
    const hn::Rebind<uint16_t, decltype(df)> dh;
    const auto lanes = static_cast<int64_t>(hn::Lanes(df));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const auto wide = hn::PromoteTo(du, hn::LoadU(dh, x + i));
        hn::StoreU(hn::BitCast(df, hn::ShiftLeft<16>(wide)), df, y + i);
    }
    for (; i < n; ++i) y[i] = std::bit_cast<float>(static_cast<uint32_t>(x[i]) << 16);
}

}  // namespace t3video::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t3video::cpu {
namespace {

HWY_EXPORT(Bf16ToF32);

constexpr int64_t kGrain = 1 << 15;  // elements; smaller pieces cost more in scheduling than they win

void decode(Context& ctx, const Tensor& x, Tensor& y) {
    const Encoding& encoding = x.encoding();
    const int64_t group = encoding.group();
    visit_float(y.dtype(), [&]<class To>() {
        To* const target = y.data<To>();
        ctx.parallel_for(x.numel() / group, std::max<int64_t>(1, kGrain / group), [&](int64_t first, int64_t last) {
            if constexpr (std::is_same_v<To, float>) {
                encoding.decode(first * group, (last - first) * group, target + first * group);
            } else {
                const int64_t step = std::max<int64_t>(1, kGrain / group);
                std::vector<float> values(static_cast<size_t>(std::min(step, last - first) * group));
                for (int64_t i = first; i < last; i += step) {
                    const int64_t count = std::min(step, last - i) * group;
                    encoding.decode(i * group, count, values.data());
                    std::transform(values.begin(), values.begin() + count, target + i * group,
                                   [](float value) { return static_cast<To>(value); });
                }
            }
        });
    });
}

}  // namespace

void convert(Context& ctx, const Tensor& x, Tensor& y) {
    if (x.dtype() == DType::encoded) return decode(ctx, x, y);
    if (x.dtype() == DType::bf16 && y.dtype() == DType::f32) {
        const auto* source = reinterpret_cast<const uint16_t*>(x.raw());
        float* target = y.data<float>();
        ctx.parallel_for(x.numel(), kGrain, [&](int64_t first, int64_t last) {
            HWY_DYNAMIC_DISPATCH(Bf16ToF32)(source + first, target + first, last - first);
        });
        return;
    }
    visit_float(x.dtype(), [&]<class From>() {
        visit_float(y.dtype(), [&]<class To>() {
            const From* source = x.data<From>();
            To* target = y.data<To>();
            ctx.parallel_for(x.numel(), kGrain, [&](int64_t first, int64_t last) {
                for (int64_t i = first; i < last; ++i) target[i] = static_cast<To>(static_cast<float>(source[i]));
            });
        });
    });
}

Tensor as_f32(Context& ctx, const Tensor& x) {
    if (x.dtype() == DType::f32) return x;
    Tensor y = empty(ctx, x.shape());
    convert(ctx, x, y);
    return y;
}

}  // namespace t3video::cpu
#endif
