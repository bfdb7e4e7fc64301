// 16-bit floats: every bit pattern, and every rounding boundary.
#include "core/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace t3video {
namespace {

template <class Half>
Half with_bits(uint32_t bits) {
    Half half;
    half.bits = static_cast<uint16_t>(bits);
    return half;
}

template <class Half>
void expect_round_trip() {
    for (uint32_t bits = 0; bits <= 0xFFFFu; ++bits) {
        const float value = static_cast<float>(with_bits<Half>(bits));
        const Half back(value);
        if (std::isnan(value)) {
            ASSERT_TRUE(std::isnan(static_cast<float>(back))) << "bits " << bits;
            ASSERT_EQ(back.bits >> 15, bits >> 15) << "sign of NaN bits " << bits;
        } else {
            ASSERT_EQ(back.bits, bits);
        }
    }
}

// Between two neighbours the midpoint goes to the even one, and its neighbouring floats to the nearer one.
// `last_finite`: bits of the largest finite value; the pattern after it is infinity.
template <class Half>
void expect_nearest_even(uint32_t last_finite, float above_last) {
    for (uint32_t low = 0; low <= last_finite; ++low) {
        const float a = static_cast<float>(with_bits<Half>(low));
        const float b = low == last_finite ? above_last : static_cast<float>(with_bits<Half>(low + 1));
        const auto middle = static_cast<float>((static_cast<double>(a) + static_cast<double>(b)) / 2.0);
        const uint32_t even = low % 2 == 0 ? low : low + 1;
        ASSERT_EQ(Half(middle).bits, even) << "midpoint above bits " << low;
        ASSERT_EQ(Half(std::nextafter(middle, 0.0f)).bits, low);
        ASSERT_EQ(Half(std::nextafter(middle, std::numeric_limits<float>::infinity())).bits, low + 1);
        ASSERT_EQ(Half(-middle).bits, even | 0x8000u);
    }
}

TEST(Bf16, RoundTripsEveryPattern) {
    expect_round_trip<bf16>();
}
TEST(F16, RoundTripsEveryPattern) {
    expect_round_trip<f16>();
}

TEST(F16, RoundsToNearestEven) {
    expect_nearest_even<f16>(0x7BFFu, 65536.0f);
}
TEST(Bf16, RoundsToNearestEven) {
    // Up to the second largest: above the largest the neighbour is 2^128, which a float cannot hold.
    expect_nearest_even<bf16>(0x7F7Eu, static_cast<float>(with_bits<bf16>(0x7F7Fu)));
    EXPECT_EQ(bf16(std::bit_cast<float>(0x7F7F7FFFu)).bits, 0x7F7Fu);
    EXPECT_EQ(bf16(std::bit_cast<float>(0x7F7F8000u)).bits, 0x7F80u);
}

TEST(F16, KnownValues) {
    EXPECT_EQ(f16(1.0f).bits, 0x3C00u);
    EXPECT_EQ(f16(-2.5f).bits, 0xC100u);
    EXPECT_EQ(f16(65504.0f).bits, 0x7BFFu);
    EXPECT_EQ(f16(1e9f).bits, 0x7C00u);
    EXPECT_EQ(f16(0x1p-24f).bits, 0x0001u);
    EXPECT_EQ(f16(-0.0f).bits, 0x8000u);
}

TEST(Bf16, KnownValues) {
    EXPECT_EQ(bf16(1.0f).bits, 0x3F80u);
    EXPECT_EQ(bf16(-1.0f).bits, 0xBF80u);
    EXPECT_EQ(round_to_bf16(995.93f), 996.0f);
    // A NaN whose payload sits in the low half only must not become an infinity.
    EXPECT_TRUE(std::isnan(round_to_bf16(std::bit_cast<float>(0x7F800001u))));
}

TEST(DType, VisitFloatGivesTheType) {
    EXPECT_EQ(visit_float(DType::f32, []<class T>() { return sizeof(T); }), 4u);
    EXPECT_EQ(visit_float(DType::bf16, []<class T>() { return dtype_of<T>(); }), DType::bf16);
    EXPECT_EQ(visit_float(DType::f16, []<class T>() { return dtype_of<T>(); }), DType::f16);
    EXPECT_THROW(visit_float(DType::i64, []<class T>() { return sizeof(T); }), Error);
}

TEST(DType, SizesAndNames) {
    EXPECT_EQ(size_of(DType::f64), 8u);
    EXPECT_EQ(size_of(DType::bf16), 2u);
    EXPECT_EQ(size_of(DType::f8_e4m3), 1u);
    EXPECT_EQ(name_of(DType::bf16), "bf16");
}

}  // namespace
}  // namespace t3video
