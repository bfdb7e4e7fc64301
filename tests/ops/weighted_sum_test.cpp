// Weighted sums against long double.
#include "ops/weighted_sum.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

TEST(WeightedSum, KeepsWhatFloatsLose) {
    Context ctx(2);
    for (const int64_t size : {1, 7, 16385, 40001}) {  // one piece of a thread's, and more
        const Tensor a = randn(ctx, {size}, 1), b = randn(ctx, {size}, 2), c = randn(ctx, {size}, 3);
        const double wa = 0.9876543210987654, wb = -0.3333333333333333, wc = 1e-9, wd = 1.0;
        const ops::Split first = ops::weighted_sum(ctx, {{wa, a}, {wb, b}, {wc, c}});
        const ops::Split second = ops::weighted_sum(ctx, {{wb, first.high}, {wb, first.low}, {wd, c}, {wa, a}});
        for (int64_t i = 0; i < size; ++i) {
            const auto at = [&](const Tensor& x) { return static_cast<long double>(x.data<float>()[i]); };
            const long double sum = wa * at(a) + wb * at(b) + wc * at(c), next = wb * sum + wd * at(c) + wa * at(a);
            const long double scale = std::abs(at(a)) + std::abs(at(b)) + std::abs(at(c));
            EXPECT_NEAR(at(first.high) + at(first.low), sum, 2e-14L * scale) << i;
            EXPECT_NEAR(at(second.high) + at(second.low), next, 2e-14L * scale) << i;
            EXPECT_EQ(first.high.data<float>()[i],
                      static_cast<float>(double(first.high.data<float>()[i]) + double(first.low.data<float>()[i])));
        }
    }
}

TEST(WeightedSum, ScalesOneTensor) {
    Context ctx;
    const Tensor x = randn(ctx, {3, 5}, 4);
    const ops::Split scaled = ops::weighted_sum(ctx, {{80.0 / 81, x}});
    EXPECT_EQ(scaled.high.shape(), x.shape());
    for (size_t i = 0; i < 15; ++i)
        EXPECT_NEAR(double(scaled.high.span<float>()[i]) + double(scaled.low.span<float>()[i]),
                    double(x.span<float>()[i]) * 80 / 81, 1e-14);
}

TEST(WeightedSum, RejectsTermsThatDoNotFit) {
    Context ctx;
    const Tensor x = randn(ctx, {4}, 5), other = randn(ctx, {5}, 6), rounded = randn(ctx, {4}, 7, DType::bf16);
    EXPECT_THROW(ops::weighted_sum(ctx, std::span<const ops::Term>()), Error);
    EXPECT_THROW(ops::weighted_sum(ctx, {{1, x}, {1, x}, {1, x}, {1, x}, {1, x}}), Error);
    EXPECT_THROW(ops::weighted_sum(ctx, {{1, x}, {1, other}}), Error);
    EXPECT_THROW(ops::weighted_sum(ctx, {{1, x}, {1, rounded}}), Error);
}

}  // namespace
}  // namespace t3video
