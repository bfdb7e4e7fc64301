// convert: every pattern of 16 bits, and the floats between which rounding decides, against the types' own conversions.
#include "ops/convert.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

// All patterns, and three more so that the last vector is not full.
template <class T>
Tensor every_pattern() {
    Tensor x = empty_on_host({(1 << 16) + 3}, dtype_of<T>());
    for (int64_t i = 0; i < x.numel(); ++i) x.data<T>()[i].bits = static_cast<uint16_t>(i);
    return x;
}

template <class To>
void expect_same_bits(const Tensor& y, int64_t i, To expected) {
    if constexpr (std::is_same_v<To, float>) {
        const float value = y.data<float>()[i];
        if (std::isnan(expected)) {
            ASSERT_TRUE(std::isnan(value)) << i;
        } else {
            ASSERT_EQ(std::bit_cast<uint32_t>(value), std::bit_cast<uint32_t>(expected)) << i;
        }
    } else {
        ASSERT_EQ(y.data<To>()[i].bits, expected.bits) << i;
    }
}

TEST(Convert, EveryHalfToF32) {
    Context ctx;
    const Tensor x = every_pattern<f16>(), y = ops::convert(ctx, x, DType::f32);
    for (int64_t i = 0; i < x.numel(); ++i) expect_same_bits(y, i, static_cast<float>(x.data<f16>()[i]));
}

TEST(Convert, EveryBf16ToF32) {
    Context ctx;
    const Tensor x = every_pattern<bf16>(), y = ops::convert(ctx, x, DType::f32);
    for (int64_t i = 0; i < x.numel(); ++i) expect_same_bits(y, i, static_cast<float>(x.data<bf16>()[i]));
}

// Each bf16 number with lower halves just below, at and above the middle.
TEST(Convert, F32RoundsToNearestEven) {
    Context ctx;
    const std::vector<uint32_t> lower{0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
    Tensor x = empty_on_host({static_cast<int64_t>(lower.size()) << 16});
    for (uint32_t i = 0; i < x.numel(); ++i)
        x.data<float>()[i] = std::bit_cast<float>((i % 65536) << 16 | lower[i / 65536]);
    const Tensor y = ops::convert(ctx, x, DType::bf16), z = ops::convert(ctx, x, DType::f16);
    for (int64_t i = 0; i < x.numel(); ++i) {
        expect_same_bits(y, i, bf16(x.data<float>()[i]));
        expect_same_bits(z, i, f16(x.data<float>()[i]));
    }
}

}  // namespace
}  // namespace t3video
