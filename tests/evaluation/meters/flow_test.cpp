// Motion and warp error of films whose motion is known.
#include "evaluation/meters/flow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace t3video::evaluation {
namespace {

using Picture = std::function<double(double x, double y)>;

// A texture without period that is smooth enough for flow at any place.
double texture(double x, double y) {
    double sum = 128;
    for (int i = 1; i <= 6; ++i) {
        sum += 14 * std::sin(0.11 * i * x + 0.07 * (7 - i) * y + i * i);
        sum += 9 * std::sin(0.05 * (7 - i) * x - 0.13 * i * y + 3 * i);
    }
    return sum;
}

Frame frame_of(int64_t index, int64_t width, int64_t height, const Picture& picture) {
    Frame frame;
    frame.index = index;
    frame.image = media::Image(width, height);
    frame.luma.resize(static_cast<size_t>(width * height));
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x)
            frame.luma[static_cast<size_t>(y * width + x)] = float(picture(double(x), double(y)));
    }
    return frame;
}

// The value of each metric of frames that `picture(frame, x, y)` draws.
std::vector<Value> measure(int64_t width, int64_t height, int64_t frames,
                           const std::function<double(int64_t, double, double)>& picture) {
    const auto meter = flow_meter({width, height, frames, 16});
    for (int64_t t = 0; t < frames; ++t) {
        meter->take(frame_of(t, width, height, [&](double x, double y) { return picture(t, x, y); }), nullptr);
    }
    return meter->values();
}

class Flow : public ::testing::Test {
    void SetUp() override {
        if (!flow_meter({64, 64, 2, 16})) GTEST_SKIP() << "this build has no OpenCV";
    }
};

TEST(FlowMetrics, AreKnownInEveryBuild) {
    ASSERT_EQ(flow_metrics().size(), 2U);
    EXPECT_EQ(flow_metrics()[0].name, "motion");
    EXPECT_EQ(flow_metrics()[1].name, "warp_error");
}

TEST_F(Flow, FindsATranslationAndNothingLeft) {
    const auto values = measure(
        321, 203, 3, [](int64_t t, double x, double y) { return texture(x - 3.0 * double(t), y + 1.5 * double(t)); });
    EXPECT_EQ(values[0].metric, &flow_metrics()[0]);
    EXPECT_EQ(values[1].metric, &flow_metrics()[1]);
    const double length = 100 * std::hypot(3.0, 1.5) / 203;
    EXPECT_NEAR(values[0].value, length, 0.03 * length);
    ASSERT_EQ(values[0].parts.size(), 2U);
    EXPECT_NEAR(values[0].parts[1], length, 0.03 * length);
    EXPECT_LT(values[1].value, 0.8);  // the texture's deviation is 41 levels
    EXPECT_EQ(values[1].parts.size(), 2U);
}

TEST_F(Flow, OfAStillFilmIsZero) {
    const auto values = measure(130, 97, 3, [](int64_t, double x, double y) { return texture(x, y); });
    EXPECT_NEAR(values[0].value, 0, 1e-3);
    EXPECT_NEAR(values[1].value, 0, 1e-3);
}

TEST_F(Flow, MotionDoesNotDependOnTheSizeOfTheFilm) {
    const auto film = [](double scale) {
        return
            [scale](int64_t t, double x, double y) { return texture(x / scale / 2 - 2.0 * double(t), y / scale / 2); };
    };
    const double small = measure(480, 270, 2, film(1))[0].value, large = measure(1200, 675, 2, film(2.5))[0].value;
    EXPECT_NEAR(small, 100 * 4.0 / 270, 0.03);
    EXPECT_NEAR(large, small, 0.03);
}

TEST_F(Flow, WarpErrorGrowsWithFlicker) {
    double last = 0.3;
    for (const double strength : {2.0, 4.0, 8.0, 16.0}) {
        const auto values = measure(200, 120, 4, [&](int64_t t, double x, double y) {
            return texture(x - 2.0 * double(t), y) + (t % 2 == 0 ? strength : 0);
        });
        EXPECT_GT(values[1].value, last) << strength;
        EXPECT_LT(values[1].value, strength + 1) << strength;
        last = values[1].value;
    }
    EXPECT_GT(last, 8);
}

TEST_F(Flow, LeavesOutWhatTheFrameLoses) {
    // A third of the film's width runs out of the frame within a pair; what comes in is as different as can be.
    const auto values = measure(192, 120, 2, [](int64_t t, double x, double y) {
        return t == 0 ? texture(x, y) : x < 184 ? texture(x + 8, y) : 255.0;
    });
    EXPECT_LT(values[1].value, 2);
}

TEST_F(Flow, GivesTheSameValuesAgain) {
    const auto film = [](int64_t t, double x, double y) { return texture(x - 2.3 * double(t), y) + double(t); };
    const auto once = measure(333, 222, 3, film), again = measure(333, 222, 3, film);
    EXPECT_EQ(once[0].parts, again[0].parts);
    EXPECT_EQ(once[1].parts, again[1].parts);
}

TEST_F(Flow, SaysWhyThereIsNoValue) {
    const auto single = measure(64, 64, 1, [](int64_t, double x, double y) { return texture(x, y); });
    const auto small = measure(64, 15, 3, [](int64_t, double x, double y) { return texture(x, y); });
    for (const auto& values : {single, small}) {
        for (const Value& value : values) {
            EXPECT_FALSE(std::isfinite(value.value));
            EXPECT_NE(value.note, "");
        }
    }
    EXPECT_EQ(small[0].note, "the frames are smaller than 16 pixels");
}

TEST_F(Flow, TakesSmallAndOddFrames) {
    for (const auto& [width, height] : {std::pair{16, 16}, {17, 33}, {1921, 65}, {31, 960}}) {
        const auto values = measure(width, height, 2, [](int64_t, double x, double y) { return texture(x, y); });
        EXPECT_NEAR(values[1].value, 0, 1e-2) << width << "x" << height;
    }
}

}  // namespace
}  // namespace t3video::evaluation
