// Numbers of frames per second to exact fractions.
#include "media/frame_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace t3video::media {
namespace {

TEST(FrameRate, TakesPlainNumbers) {
    EXPECT_EQ(FrameRate(8), FrameRate(8, 1));
    EXPECT_EQ(FrameRate(12.5), FrameRate(25, 2));
    EXPECT_EQ(FrameRate(24), FrameRate(24, 1));
    EXPECT_EQ(FrameRate(0.1), FrameRate(1, 10));
    EXPECT_EQ(concat(FrameRate(16), ' ', FrameRate(15, 2)), "16 15/2");
}

TEST(FrameRate, KnowsBroadcastRates) {
    EXPECT_EQ(FrameRate(23.976), FrameRate(24000, 1001));
    EXPECT_EQ(FrameRate(23.98), FrameRate(24000, 1001));
    EXPECT_EQ(FrameRate(29.97), FrameRate(30000, 1001));
    EXPECT_EQ(FrameRate(59.94), FrameRate(60000, 1001));
    EXPECT_EQ(FrameRate(24000.0 / 1001.0), FrameRate(24000, 1001));
}

// Against all fractions with terms up to 100000.
TEST(FrameRate, TakesTheNearestFraction) {
    for (const double fps : {3.14159265358979, 24.70000001, 0.0123456789, 777.7654321, 1.00000499, 59.0000123}) {
        double least = 1;
        for (int64_t den = 1; den <= 100000; ++den) {
            const auto num = static_cast<int64_t>(std::llround(fps * static_cast<double>(den)));
            if (num < 1 || num > 100000) continue;
            least = std::min(least, std::abs(static_cast<double>(num) / static_cast<double>(den) - fps));
        }
        const FrameRate rate(fps);
        EXPECT_LE(std::abs(rate.value() - fps), least) << rate << " for " << fps;
        EXPECT_LE(std::max(rate.num, rate.den), 100000) << rate;
    }
}

TEST(FrameRate, ReducesFractions) {
    const FrameRate rate(48000, 2002);
    EXPECT_EQ(rate.num, 24000);
    EXPECT_EQ(rate.den, 1001);
    EXPECT_NEAR(rate.value(), 23.976024, 1e-6);
}

TEST(FrameRate, RejectsWhatIsNoRate) {
    EXPECT_THROW(FrameRate(0), InvalidRequest);
    EXPECT_THROW(FrameRate(-8.0), InvalidRequest);
    EXPECT_THROW(FrameRate(1e6), InvalidRequest);
    EXPECT_THROW(FrameRate{std::numeric_limits<double>::quiet_NaN()}, InvalidRequest);
    EXPECT_THROW(FrameRate(24, 0), InvalidRequest);
    EXPECT_THROW(FrameRate(-24, -1), InvalidRequest);
    EXPECT_THROW(FrameRate(100000007, 5000000), InvalidRequest);
}

}  // namespace
}  // namespace t3video::media
