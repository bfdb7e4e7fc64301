// Rows of frames to images: bands and cropping.
#include "media/frame.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace t3video::media {
namespace {

// Level of channel c at (x, y): 20y + 3x + c.
Tensor numbered_frame(Context& ctx, int64_t width, int64_t height) {
    Tensor frame = empty(ctx, {height, width, 3}, DType::u8);
    uint8_t* level = frame.data<uint8_t>();
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t i = 0; i < width * 3; ++i) *level++ = static_cast<uint8_t>(20 * y + i);
    }
    return frame;
}

// The middle of a frame.
Image cropped(const Tensor& frame, int64_t width, int64_t height) {
    Image image(width, height);
    copy_cropped_rows(image, frame, 0, frame.dim(0));
    return image;
}

TEST(Frame, KeepsTheWholeFrame) {
    Context ctx(1);
    const Image image = cropped(numbered_frame(ctx, 6, 4), 6, 4);
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
                copy_cropped_rows(image, frame.slice(row, std::min<int64_t>(row + band, 7)), row, 7);
            }
            EXPECT_EQ(image, cropped(frame, width, height)) << width << "x" << height << " in bands of " << band;
        }
    }
    Image large(6, 8), wide(7, 7), whole(6, 7);
    EXPECT_THROW(copy_cropped_rows(large, frame, 0, 7), Error);
    EXPECT_THROW(copy_cropped_rows(wide, frame, 0, 7), Error);
    EXPECT_THROW(copy_cropped_rows(whole, frame, 1, 7), Error);
}

TEST(Frame, CropsEvenly) {
    Context ctx(1);
    const Image image = cropped(numbered_frame(ctx, 6, 4), 2, 2);
    ASSERT_EQ(image.rgb.size(), 12u);
    EXPECT_EQ(image.pixel(0, 0)[0], 20 * 1 + 3 * 2);
    EXPECT_EQ(image.pixel(1, 1)[2], 20 * 2 + 3 * 3 + 2);
}

TEST(Frame, PutsTheOddRestOfACropAtTheEnd) {
    Context ctx(1);
    const Image image = cropped(numbered_frame(ctx, 6, 4), 6, 3);
    EXPECT_EQ(image.pixel(0, 0)[0], 0);
    EXPECT_EQ(image.pixel(0, 2)[0], 40);
}

TEST(Frame, RejectsOtherShapesAndTypes) {
    Context ctx(1);
    Image image(2, 2);
    EXPECT_THROW(copy_cropped_rows(image, empty(ctx, {3, 4, 6}, DType::u8), 0, 3), Error);
    EXPECT_THROW(copy_cropped_rows(image, empty(ctx, {4, 6}, DType::u8), 0, 4), Error);
    EXPECT_THROW(copy_cropped_rows(image, empty(ctx, {4, 6, 3}), 0, 4), Error);
    EXPECT_THROW(copy_cropped_rows(image, Tensor(), 0, 4), Error);
}

}  // namespace
}  // namespace t3video::media
