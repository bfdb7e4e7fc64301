// Means of magnitudes against a double loop.
#include "ops/mean_abs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

TEST(MeanAbs, MatchesDoubleAtAnySize) {
    for (const int64_t n : {1, 3, 7, 255, 4096, 16384, 16385, 70001}) {
        Context ctx(2), alone(1);
        const Tensor x = randn(ctx, {n}, 1), y = randn(ctx, {n}, 2);
        double size = 0, apart = 0;
        for (int64_t i = 0; i < n; ++i) {
            size += std::abs(double{x.data<float>()[i]});
            apart += std::abs(double{x.data<float>()[i]} - double{y.data<float>()[i]});
        }
        EXPECT_NEAR(ops::mean_abs(ctx, x), size / double(n), 1e-12 * size / double(n)) << n;
        EXPECT_NEAR(ops::mean_abs_difference(ctx, x, y), apart / double(n), 1e-6 * apart / double(n)) << n;
        EXPECT_EQ(ops::mean_abs_difference(ctx, x, y), ops::mean_abs_difference(alone, x, y)) << n;
        EXPECT_EQ(ops::mean_abs_difference(ctx, x, x), 0) << n;
    }
}

TEST(MeanAbs, IsNotFiniteWhereAnElementIsNot) {
    Context ctx(2);
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
        Tensor x = randn(ctx, {40001}, 1);
        const Tensor y = randn(ctx, {40001}, 2);
        x.data<float>()[40000] = bad;
        EXPECT_FALSE(std::isfinite(ops::mean_abs(ctx, x)));
        EXPECT_FALSE(std::isfinite(ops::mean_abs_difference(ctx, y, x)));
    }
}

TEST(MeanAbs, ChecksItsOperands) {
    Context ctx(2);
    const Tensor x = randn(ctx, {3, 5}, 1);
    EXPECT_THROW(ops::mean_abs(ctx, zeros(ctx, {0, 5})), Error);
    EXPECT_THROW(ops::mean_abs(ctx, randn(ctx, {4}, 1, DType::bf16)), Error);
    EXPECT_THROW(ops::mean_abs_difference(ctx, x, randn(ctx, {5, 3}, 1)), Error);
}

}  // namespace
}  // namespace t3video
