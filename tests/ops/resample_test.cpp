// Resampling: pixels and channels change places as documented, and the shortcuts equal their definitions.
#include "ops/resample.h"

#include <gtest/gtest.h>

#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

float at(const Tensor& x, int64_t t, int64_t h, int64_t w, int64_t c) {
    return x.data<float>()[((t * x.dim(1) + h) * x.dim(2) + w) * x.dim(3) + c];
}

// Calls f(t, h, w, c) on every index of a shape.
template <class F>
void for_each_index(const Shape& shape, F&& f) {
    for (int64_t i = 0; i < shape.numel(); ++i) {
        f(i / shape[3] / shape[2] / shape[1], i / shape[3] / shape[2] % shape[1], i / shape[3] % shape[2],
          i % shape[3]);
    }
}

TEST(Resample, FoldPixelsPutsTheColumnBeforeTheRow) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 6, 4, 3}, 1);
    const Tensor y = ops::fold_pixels(ctx, x);
    ASSERT_EQ(y.shape(), (Shape{2, 3, 2, 12}));
    for_each_index(x.shape(), [&](int64_t t, int64_t h, int64_t w, int64_t c) {
        EXPECT_EQ(at(y, t, h / 2, w / 2, (c * 2 + w % 2) * 2 + h % 2), at(x, t, h, w, c));
    });
    EXPECT_EQ(relative_error(ops::unfold_pixels(ctx, y), x), 0);
}

TEST(Resample, ChannelsToTime) {
    Context ctx;
    const Tensor x = randn(ctx, {3, 2, 5, 8}, 1);
    const Tensor y = ops::channels_to_time(ctx, x, 2);
    ASSERT_EQ(y.shape(), (Shape{6, 2, 5, 4}));
    for_each_index(x.shape(), [&](int64_t t, int64_t h, int64_t w, int64_t c) {
        EXPECT_EQ(at(y, 2 * t + c / 4, h, w, c % 4), at(x, t, h, w, c));
    });
}

TEST(Resample, AverageDownInSpace) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 4, 6, 5}, 1), main = randn(ctx, {2, 2, 3, 5}, 2);
    const Tensor y = ops::add_average_down(ctx, main, x, 1, 2);
    for_each_index(y.shape(), [&](int64_t t, int64_t h, int64_t w, int64_t c) {
        const float sum = at(x, t, 2 * h, 2 * w, c) + at(x, t, 2 * h, 2 * w + 1, c) + at(x, t, 2 * h + 1, 2 * w, c) +
                          at(x, t, 2 * h + 1, 2 * w + 1, c);
        EXPECT_NEAR(at(y, t, h, w, c), at(main, t, h, w, c) + sum / 4, 1e-6);
    });
}

// Twice the channels, half the time: even channels average the earlier frame of a pair, which is zero before the first.
TEST(Resample, AverageDownInSpaceAndTime) {
    Context ctx;
    const Tensor x = randn(ctx, {3, 2, 4, 5}, 1), main = randn(ctx, {2, 1, 2, 10}, 2);
    const Tensor y = ops::add_average_down(ctx, main, x, 2, 2);
    for_each_index(y.shape(), [&](int64_t t, int64_t h, int64_t w, int64_t c) {
        const int64_t frame = 2 * t - 1 + c % 2;
        float sum = 0;
        for (int64_t cell = 0; cell < 4 && frame >= 0; ++cell)
            sum += at(x, frame, 2 * h + cell / 2, 2 * w + cell % 2, c / 2);
        EXPECT_NEAR(at(y, t, h, w, c), at(main, t, h, w, c) + sum / 4, 1e-6);
    });
}

TEST(Resample, DuplicateUpInSpaceAndTimeDropsTheFirstFrame) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 3, 2, 4}, 1), main = randn(ctx, {3, 6, 4, 4}, 2);
    const Tensor y = ops::add_duplicate_up(ctx, main, x, 2, 2);
    for_each_index(y.shape(), [&](int64_t t, int64_t h, int64_t w, int64_t c) {
        EXPECT_EQ(at(y, t, h, w, c), at(main, t, h, w, c) + at(x, (t + 1) / 2, h / 2, w / 2, c));
    });
}

TEST(Resample, DuplicateUpOfSomeRows) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 3, 2, 4}, 1), main = randn(ctx, {3, 3, 4, 4}, 2);
    for (const int64_t first_row : {0, 1, 3}) {
        const Tensor y = ops::add_duplicate_up(ctx, main, x, 2, 2, first_row);
        for_each_index(y.shape(), [&](int64_t t, int64_t h, int64_t w, int64_t c) {
            EXPECT_EQ(at(y, t, h, w, c), at(main, t, h, w, c) + at(x, (t + 1) / 2, (h + first_row) / 2, w / 2, c));
        });
    }
}

TEST(Resample, DuplicateUpToHalfTheChannels) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 3, 2, 8}, 1), main = randn(ctx, {2, 6, 4, 4}, 2);
    const Tensor y = ops::add_duplicate_up(ctx, main, x, 1, 2);
    for_each_index(y.shape(), [&](int64_t t, int64_t h, int64_t w, int64_t c) {
        EXPECT_EQ(at(y, t, h, w, c), at(main, t, h, w, c) + at(x, t, h / 2, w / 2, 2 * c + h % 2));
    });
}

TEST(Resample, RejectsShapesThatDoNotFit) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 3, 4, 8}, 1);
    EXPECT_THROW(ops::fold_pixels(ctx, x), Error);
    EXPECT_THROW(ops::channels_to_time(ctx, x, 3), Error);
    EXPECT_THROW(ops::add_duplicate_up(ctx, randn(ctx, {4, 6, 8, 8}, 2), x, 1, 2), Error);
    EXPECT_THROW(ops::add_duplicate_up(ctx, randn(ctx, {2, 7, 8, 2}, 2), x, 1, 2), Error);  // rows of 6
    EXPECT_THROW(ops::add_duplicate_up(ctx, randn(ctx, {2, 5, 8, 2}, 2), x, 1, 2, 2), Error);
    EXPECT_THROW(ops::add_average_down(ctx, randn(ctx, {2, 3, 4, 3}, 2), x, 1, 1), Error);
}

}  // namespace
}  // namespace t3video
