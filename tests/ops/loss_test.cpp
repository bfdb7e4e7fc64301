// The loss against a double loop and differences.
#include "ops/loss.h"

#include <gtest/gtest.h>

#include "support/gradients.h"

namespace t3video {
namespace {

using namespace testing;

struct LossCase {
    Shape shape;
    int64_t first_frame;
    float factor;
};

class SquaredError : public ::testing::TestWithParam<LossCase> {
  protected:
    // Whether element i of [C, T, H, W] is in a frame that counts.
    bool counts(size_t i) const {
        const auto plane = size_t(c.shape[2] * c.shape[3]);
        return int64_t(i / plane) % c.shape[1] >= c.first_frame;
    }

    const LossCase c = GetParam();
    Context ctx{2};
    const Tensor prediction = randn(ctx, c.shape, 1), target = randn(ctx, c.shape, 2);
};

TEST_P(SquaredError, MatchesDouble) {
    const Doubles t = doubles(ctx, target), p = doubles(ctx, prediction);
    const Forward mean = [&](const std::vector<Doubles>& at) {
        double sum = 0, count = 0;
        for (size_t i = 0; i < t.size(); ++i) {
            if (!counts(i)) continue;
            sum += (at[0][i] - t[i]) * (at[0][i] - t[i]);
            count += 1;
        }
        return Doubles{sum / count};
    };
    const ops::Loss loss = ops::squared_error(ctx, prediction, target, c.first_frame, c.factor);
    EXPECT_NEAR(loss.value, mean({p})[0], 1e-6 * mean({p})[0]);
    EXPECT_EQ(loss.gradient.shape(), c.shape);
    // Of the mean over many elements the gradient of each is small: in units of one over their number.
    Tensor gradient = clone(ctx, loss.gradient);
    const auto count = float(gradient.numel());
    for (float& value : gradient.span<float>()) value *= count;
    expect_gradient(mean, {p}, 0, {double{c.factor} * double{count}}, gradient);

    Doubles expected;
    double counted = 0;
    for (size_t i = 0; i < t.size(); ++i) counted += counts(i);
    for (size_t i = 0; i < t.size(); ++i) expected.push_back(counts(i) ? 2 * c.factor * (p[i] - t[i]) / counted : 0);
    EXPECT_LT(relative_error(loss.gradient, expected), 1e-6);
    for (size_t i = 0; i < t.size(); ++i) {
        if (!counts(i)) {
            ASSERT_EQ(loss.gradient.span<float>()[i], 0.0f) << i;
        }
    }

    const ops::Loss again = ops::squared_error(ctx, prediction, target, c.first_frame, c.factor);
    EXPECT_EQ(again.value, loss.value);
    EXPECT_TRUE(same_bits(again.gradient, loss.gradient));
    Context alone(1);
    EXPECT_EQ(ops::squared_error(alone, prediction, target, c.first_frame, c.factor).value, loss.value);
}

// One operand that is no number in a frame that counts; what is not compared may hold anything.
TEST_P(SquaredError, IsNotFiniteWhereAnOperandIsNot) {
    const int64_t plane = c.shape[2] * c.shape[3], last = c.shape.numel() - 1,
                  counted = c.first_frame * plane;  // of channel 0
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
        for (const int64_t at : {counted, last}) {
            for (const bool in_target : {false, true}) {
                Tensor p = clone(ctx, prediction), t = clone(ctx, target);
                (in_target ? t : p).span<float>()[size_t(at)] = bad;
                EXPECT_FALSE(std::isfinite(ops::squared_error(ctx, p, t, c.first_frame, c.factor).value)) << bad;
            }
        }
        if (c.first_frame == 0) continue;
        Tensor p = clone(ctx, prediction);
        p.span<float>()[0] = bad;
        const ops::Loss loss = ops::squared_error(ctx, p, target, c.first_frame, c.factor);
        EXPECT_EQ(loss.value, ops::squared_error(ctx, prediction, target, c.first_frame, c.factor).value);
        EXPECT_EQ(loss.gradient.span<float>()[0], 0.0f);
    }
}

INSTANTIATE_TEST_SUITE_P(Cases, SquaredError,
                         ::testing::Values(LossCase{{1, 1, 1, 1}, 0, 1}, LossCase{{3, 4, 5, 7}, 0, 0.25f},
                                           LossCase{{3, 4, 5, 7}, 1, 0.25f}, LossCase{{2, 3, 2, 6}, 2, 8},
                                           LossCase{{16, 5, 34, 30}, 1, 0.5f}));

TEST(SquaredErrorShapes, AreChecked) {
    Context ctx;
    const Tensor x = zeros(ctx, {1, 2, 2, 2}), other = zeros(ctx, {1, 2, 2, 4}), flat = zeros(ctx, {8});
    EXPECT_THROW(ops::squared_error(ctx, x, other, 0, 1), Error);
    EXPECT_THROW(ops::squared_error(ctx, flat, flat, 0, 1), Error);
    EXPECT_THROW(ops::squared_error(ctx, x, x, 2, 1), Error);
    EXPECT_THROW(ops::squared_error(ctx, x, x, -1, 1), Error);
}

}  // namespace
}  // namespace t3video
