// The measure that tests compare tensors with: it must see what a norm of the whole does not.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

class RelativeError : public ::testing::Test {
  protected:
    Context ctx_;
};

TEST_F(RelativeError, OfTheWhole) {
    const Tensor x = from_span(ctx_, std::vector<float>{3, 4, 3, 4}, {2, 2});
    EXPECT_DOUBLE_EQ(relative_error(x, std::vector<double>{3, 4, 3, 4}), 0);
    EXPECT_NEAR(relative_error(x, std::vector<double>{3, 3, 3, 3}), std::sqrt(2.0 / 36), 1e-12);
}

// Two rows changed places among ten thousand: an error of 2 % of the whole, of which this much of each row remains.
TEST_F(RelativeError, SeesOneWrongRow) {
    const Tensor x = randn(ctx_, {10000, 24}, 1);
    std::vector<double> reference = doubles(ctx_, x);
    std::swap_ranges(reference.begin(), reference.begin() + 24, reference.end() - 24);
    EXPECT_GT(relative_error(x, reference), 0.1);
    const Tensor noise = randn(ctx_, {10000, 24}, 2);
    for (size_t i = 0; i < reference.size(); ++i) reference[i] = x.span<float>()[i] + 1e-2 * noise.span<float>()[i];
    EXPECT_NEAR(relative_error(x, reference), 1e-2, 1e-4);
}

TEST_F(RelativeError, SeesOneWrongElementOfAVector) {
    const Tensor x = randn(ctx_, {10000}, 1);
    std::vector<double> reference = doubles(ctx_, x);
    reference[5000] += 1;
    EXPECT_GT(relative_error(x, reference), 0.05);
}

TEST_F(RelativeError, SmallRowsAreMeasuredByTheUsualOne) {
    const Tensor x = from_span(ctx_, std::vector<float>{1, 1, 1, 2e-6f}, {4, 1});
    EXPECT_LT(relative_error(x, std::vector<double>{1, 1, 1, 1e-6}), 1e-6);
}

TEST_F(RelativeError, IsNaNWhereAnElementIs) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (size_t i = 0; i < 3; ++i) {
        std::vector<float> values{1, 1, 1};
        values[i] = nan;
        EXPECT_TRUE(std::isnan(relative_error(from_span(ctx_, values, {3, 1}), std::vector<double>{1, 1, 1}))) << i;
    }
}

}  // namespace
}  // namespace t3video
