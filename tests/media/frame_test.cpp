// Floats to levels: rounding, clipping, NaN, cropping.
#include "media/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace t3video::media {
namespace {

float value_of_level(float level) {
    return level / 127.5f - 1.0f;
}

TEST(Frame, RoundsToTheNearestLevel) {
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

TEST(Frame, ClipsAndTurnsNanBlack) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    EXPECT_EQ(to_level(-1.5f), 0);
    EXPECT_EQ(to_level(1.01f), 255);
    EXPECT_EQ(to_level(1e30f), 255);
    EXPECT_EQ(to_level(kInfinity), 255);
    EXPECT_EQ(to_level(-kInfinity), 0);
    EXPECT_EQ(to_level(std::numeric_limits<float>::quiet_NaN()), 0);
}

// Level of channel c at (x, y): 20y + 3x + c.
Tensor numbered_frame(Context& ctx, int64_t width, int64_t height) {
    Tensor frame = empty(ctx, {height, width, 3});
    float* value = frame.data<float>();
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t i = 0; i < width * 3; ++i) *value++ = value_of_level(static_cast<float>(20 * y + i));
    }
    return frame;
}

TEST(Frame, KeepsTheWholeFrame) {
    Context ctx(1);
    const Image image = to_image(numbered_frame(ctx, 6, 4));
    ASSERT_EQ(image.width, 6);
    ASSERT_EQ(image.height, 4);
    for (int64_t y = 0; y < 4; ++y) {
        for (int64_t x = 0; x < 6; ++x) {
            for (int64_t c = 0; c < 3; ++c) EXPECT_EQ(image.pixel(x, y)[c], 20 * y + 3 * x + c);
        }
    }
}

// A frame in bands of every height gives the image of the whole, cut or not.
TEST(Frame, RowsArriveWhereTheyBelong) {
    Context ctx;
    const Tensor frame = numbered_frame(ctx, 6, 7);
    for (const auto& [width, height] : {std::pair<int64_t, int64_t>{6, 7}, {4, 4}, {3, 2}, {6, 1}}) {
        for (int64_t band = 1; band <= 7; ++band) {
            Image image(width, height);
            for (int64_t row = 0; row < 7; row += band) {
                put_rows(image, frame.slice(row, std::min<int64_t>(row + band, 7)), row, 7);
            }
            EXPECT_EQ(image, to_image(frame, width, height)) << width << "x" << height << " in bands of " << band;
        }
    }
    Image large(6, 8), wide(7, 7), whole(6, 7);
    EXPECT_THROW(put_rows(large, frame, 0, 7), Error);
    EXPECT_THROW(put_rows(wide, frame, 0, 7), Error);
    EXPECT_THROW(put_rows(whole, frame, 1, 7), Error);
}

TEST(Frame, CropsEvenly) {
    Context ctx(1);
    const Image image = to_image(numbered_frame(ctx, 6, 4), 2, 2);
    ASSERT_EQ(image.width, 2);
    ASSERT_EQ(image.height, 2);
    ASSERT_EQ(image.rgb.size(), 12u);
    EXPECT_EQ(image.pixel(0, 0)[0], 20 * 1 + 3 * 2);
    EXPECT_EQ(image.pixel(1, 1)[2], 20 * 2 + 3 * 3 + 2);
}

TEST(Frame, CropsOneSideAndPutsTheOddRestAtTheEnd) {
    Context ctx(1);
    const Image image = to_image(numbered_frame(ctx, 6, 4), 0, 3);
    ASSERT_EQ(image.width, 6);
    ASSERT_EQ(image.height, 3);
    EXPECT_EQ(image.pixel(0, 0)[0], 0);
    EXPECT_EQ(image.pixel(0, 2)[0], 40);
}

TEST(Frame, RejectsOtherShapesAndLargerCrops) {
    Context ctx(1);
    EXPECT_THROW(to_image(empty(ctx, {3, 4, 6})), Error);
    EXPECT_THROW(to_image(empty(ctx, {4, 6})), Error);
    EXPECT_THROW(to_image(empty(ctx, {4, 6, 3}, DType::u8)), Error);
    EXPECT_THROW(to_image(numbered_frame(ctx, 6, 4), 8, 4), Error);
    EXPECT_THROW(to_image(Tensor()), Error);
}

}  // namespace
}  // namespace t3video::media
