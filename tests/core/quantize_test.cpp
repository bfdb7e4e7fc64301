// Code values of decoded samples: rounding, clipping, NaN.
#include "core/quantize.h"

#include <gtest/gtest.h>

#include <limits>

namespace t3video {
namespace {

float value_of_code(float code) {
    return code / 127.5f - 1.0f;
}

TEST(QuantizeU8, RoundsToTheNearest) {
    EXPECT_EQ(quantize_u8(-1.0f), 0);
    EXPECT_EQ(quantize_u8(1.0f), 255);
    EXPECT_EQ(quantize_u8(0.0f), 128);  // 127.5: halves go up
    for (int code = 0; code < 255; ++code) {
        const auto exact = static_cast<float>(code);
        EXPECT_EQ(quantize_u8(value_of_code(exact)), code);
        EXPECT_EQ(quantize_u8(value_of_code(exact + 0.45f)), code);
        EXPECT_EQ(quantize_u8(value_of_code(exact + 0.55f)), code + 1);
    }
}

TEST(QuantizeU8, ClipsAndMakesNanBlack) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    EXPECT_EQ(quantize_u8(-1.5f), 0);
    EXPECT_EQ(quantize_u8(1.01f), 255);
    EXPECT_EQ(quantize_u8(1e30f), 255);
    EXPECT_EQ(quantize_u8(kInfinity), 255);
    EXPECT_EQ(quantize_u8(-kInfinity), 0);
    EXPECT_EQ(quantize_u8(std::numeric_limits<float>::quiet_NaN()), 0);
}

}  // namespace
}  // namespace t3video
