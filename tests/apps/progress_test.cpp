// Durations as text.
#include "apps/common/progress.h"

#include <gtest/gtest.h>

#include <cstdio>

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

// A line of the log begins where the one that is redrawn stood, which the next step draws again at once.
TEST(Progress, GivesWayToTheLog) {
    for (const bool redraw : {true, false}) {
        ::testing::internal::CaptureStderr();
        Progress progress(redraw);
        progress.begin("encode", 5, "clips");
        progress.advance(1);
        progress.give_way();
        std::fputs("warning\n", stderr);
        progress.advance(2);
        const std::string text = ::testing::internal::GetCapturedStderr();
        const bool way = text.find("\r\033[Kwarning\n\r\033[Kencode   2/5 clips") != std::string::npos;
        EXPECT_EQ(way, redraw) << text;
        ::testing::internal::CaptureStderr();
        progress.end();
        ::testing::internal::GetCapturedStderr();
    }
}

}  // namespace
}  // namespace t3video::apps
