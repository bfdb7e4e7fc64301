// depthwise_with_past against loops in double, over sizes that leave tails and frames smaller than the kernel.
#include "ops/depthwise.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

// By the definition; the first frame of x is the past one.
std::vector<double> reference(Context& ctx, const Tensor& x, const Tensor& weight, int64_t side) {
    const auto dx = doubles(ctx, x), dw = doubles(ctx, weight);
    const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3);
    std::vector<double> y;
    for (int64_t t = 0; t + 1 < x.dim(0); ++t) {
        for (int64_t pixel = 0; pixel < height * width; ++pixel) {
            for (int64_t c = 0; c < 2 * channels; ++c) {
                const int64_t frame = c < channels ? t + 1 : t;
                double sum = 0;
                for (int64_t tap = 0; tap < side * side; ++tap) {
                    const int64_t h = pixel / width + tap / side - side / 2, w = pixel % width + tap % side - side / 2;
                    if (h < 0 || h >= height || w < 0 || w >= width) continue;
                    sum += dw[static_cast<size_t>(tap * 2 * channels + c)] *
                           dx[static_cast<size_t>(((frame * height + h) * width + w) * channels + c % channels)];
                }
                y.push_back(sum);
            }
        }
    }
    return y;
}

TEST(DepthwiseWithPast, MatchesItsDefinition) {
    Context ctx;
    for (const auto& [shape, side] : {std::pair{Shape{2, 1, 1, 1}, int64_t{1}},
                                      {{2, 3, 2, 5}, 7},
                                      {{3, 9, 13, 7}, 7},
                                      {{4, 6, 40, 32}, 7},
                                      {{2, 8, 11, 19}, 3},
                                      {{3, 5, 10, 24}, 5}}) {
        for (const DType dtype : {DType::f32, DType::f16}) {
            SCOPED_TRACE(concat(shape, ", kernel of ", side, ", weight of ", dtype));
            const Tensor x = randn(ctx, shape, 1), w = randn(ctx, {side * side, 2 * shape[3]}, 2, dtype);
            const Tensor y = ops::depthwise_with_past(ctx, x, w);
            EXPECT_EQ(y.shape(), (Shape{shape[0] - 1, shape[1], shape[2], 2 * shape[3]}));
            EXPECT_LT(relative_error(y, reference(ctx, x, w, side)), 2e-6);
        }
    }
}

TEST(DepthwiseWithPast, RefusesOtherShapes) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 3, 4, 5}, 1);
    EXPECT_THROW(ops::depthwise_with_past(ctx, x, randn(ctx, {48, 10}, 2)), Error);
    EXPECT_THROW(ops::depthwise_with_past(ctx, x, randn(ctx, {16, 10}, 2)), Error);
    EXPECT_THROW(ops::depthwise_with_past(ctx, x, randn(ctx, {49, 5}, 2)), Error);
    EXPECT_THROW(ops::depthwise_with_past(ctx, x.slice(0, 1), randn(ctx, {49, 10}, 2)), Error);
}

}  // namespace
}  // namespace t3video
