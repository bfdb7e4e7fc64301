// Levels of decoded values: rounding, clipping, NaN.
#include "core/levels.h"

#include <gtest/gtest.h>

#include <limits>

namespace t3video {
namespace {

float value_of_level(float level) {
    return level / 127.5f - 1.0f;
}

TEST(Levels, AreTheNearest) {
    EXPECT_EQ(to_level(-1.0f), 0);
    EXPECT_EQ(to_level(1.0f), 255);
    EXPECT_EQ(to_level(0.0f), 128);  // 127.5: halves go up
    for (int level = 0; level < 255; ++level) {
        const auto exact = static_cast<float>(level);
        EXPECT_EQ(to_level(value_of_level(exact)), level);
        EXPECT_EQ(to_level(value_of_level(exact + 0.45f)), level);
        EXPECT_EQ(to_level(value_of_level(exact + 0.55f)), level + 1);
    }
}

TEST(Levels, AreClippedAndBlackForNan) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    EXPECT_EQ(to_level(-1.5f), 0);
    EXPECT_EQ(to_level(1.01f), 255);
    EXPECT_EQ(to_level(1e30f), 255);
    EXPECT_EQ(to_level(kInfinity), 255);
    EXPECT_EQ(to_level(-kInfinity), 0);
    EXPECT_EQ(to_level(std::numeric_limits<float>::quiet_NaN()), 0);
}

}  // namespace
}  // namespace t3video
