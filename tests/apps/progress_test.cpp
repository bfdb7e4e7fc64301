// Durations as text.
#include "apps/common/progress.h"

#include <gtest/gtest.h>

namespace t3video::apps {
namespace {

TEST(FormatDuration, PicksTheUnit) {
    EXPECT_EQ(format_duration(0.0), "0.0 s");
    EXPECT_EQ(format_duration(0.04), "0.0 s");
    EXPECT_EQ(format_duration(4.25), "4.2 s");
    EXPECT_EQ(format_duration(9.94), "9.9 s");
    EXPECT_EQ(format_duration(9.96), "10 s");
    EXPECT_EQ(format_duration(59.4), "59 s");
    EXPECT_EQ(format_duration(59.6), "1 min 00 s");
    EXPECT_EQ(format_duration(200.0), "3 min 20 s");
    EXPECT_EQ(format_duration(3599.4), "59 min 59 s");
    EXPECT_EQ(format_duration(3599.6), "1 h 00 min");
    EXPECT_EQ(format_duration(7500.0), "2 h 05 min");
    EXPECT_EQ(format_duration(100 * 3600.0), "100 h 00 min");
}

}  // namespace
}  // namespace t3video::apps
