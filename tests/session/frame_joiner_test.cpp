// Bands of rows become whole frames, in order, each as soon as its last row is there.
#include "session/frame_joiner.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ops/quantize.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;

// Rows [first, last) of frames [from, to).
Tensor part_of(Context& ctx, const Tensor& video, int64_t from, int64_t to, int64_t first, int64_t last) {
    const int64_t row = video.dim(2) * 3;
    std::vector<uint8_t> values;
    for (int64_t t = from; t < to; ++t) {
        const auto rows = video.slice(t, t + 1).reshape({video.dim(1), row}).slice(first, last).span<uint8_t>();
        values.insert(values.end(), rows.begin(), rows.end());
    }
    Tensor part = empty(ctx, {to - from, last - first, video.dim(2), 3}, DType::u8);
    std::ranges::copy(values, part.data<uint8_t>());
    return part;
}

class FrameJoinerTest : public ::testing::Test {
  protected:
    Context ctx_;
    Tensor video_ = ops::quantize_u8(ctx_, randn(ctx_, {5, 7, 6, 3}, 1));
    std::vector<media::Image> images_;

    std::vector<media::Image> expected(int64_t width, int64_t height) {
        std::vector<media::Image> images;
        for (int64_t t = 0; t < 5; ++t) {
            media::copy_cropped_rows(images.emplace_back(width, height), video_.slice(t, t + 1).reshape({7, 6, 3}), 0,
                                     7);
        }
        return images;
    }
};

TEST_F(FrameJoinerTest, WholeFramesPassAtOnce) {
    FrameJoiner joiner(7, 6, 7, 1, [&](const media::Image& image) { images_.push_back(image); });
    joiner.add(video_.slice(0, 1), 0, 0);
    EXPECT_EQ(images_.size(), 1u);
    joiner.add(video_.slice(1, 5), 1, 0);
    EXPECT_EQ(images_, expected(6, 7));
}

TEST_F(FrameJoinerTest, BandsWaitForTheLast) {
    FrameJoiner joiner(7, 4, 4, 2, [&](const media::Image& image) { images_.push_back(image); });
    const auto add = [&](int64_t from, int64_t to, int64_t first, int64_t last) {
        joiner.add(part_of(ctx_, video_, from, to, first, last), from, first);
    };
    add(0, 1, 0, 3);
    add(1, 5, 0, 3);
    add(0, 3, 3, 6);
    add(3, 5, 3, 6);
    EXPECT_TRUE(images_.empty());
    add(0, 2, 6, 7);
    EXPECT_EQ(images_.size(), 2u);
    add(2, 5, 6, 7);
    EXPECT_EQ(images_, expected(4, 4));
}

}  // namespace
}  // namespace t3video::session
