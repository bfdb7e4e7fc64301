// Classifier-free guidance: formula, which branches are asked for in which calls, and when the second is skipped.
#include "sampling/guidance.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "core/error.h"

namespace t3video::sampling {
namespace {

class Guidance : public ::testing::Test {
  protected:
    // Answers x + 2 under the prompt and x - 1 without, and notes the call: a bracket with what it was asked for.
    BranchDenoiser network() {
        return [this](std::span<const Branch> branches, const Tensor& x, double timestep) {
            EXPECT_EQ(timestep, 321.5);
            std::vector<Tensor> velocities;
            calls += '(';
            for (const Branch branch : branches) {
                const bool positive = branch == Branch::positive;
                calls += positive ? 'p' : 'n';
                velocities.push_back(clone(ctx, x));
                for (float& value : velocities.back().span<float>()) value += positive ? 2.0f : -1.0f;
            }
            calls += ')';
            return velocities;
        };
    }

    float at(double scale, bool together = false) {
        const float start = 0.5f;
        const Tensor x = from_span(ctx, {&start, 1}, {1});
        const Tensor v = guided(ctx, network(), scale, together)(x, 321.5);
        return v.span<float>()[0];
    }

    Context ctx;
    std::string calls;
};

TEST_F(Guidance, MovesFromNegativePastPositive) {
    EXPECT_FLOAT_EQ(at(5.0), -0.5f + 5.0f * 3.0f);
    EXPECT_EQ(calls, "(p)(n)");
}

TEST_F(Guidance, TogetherIsOneCallForTheSame) {
    const float together = at(5.0, true);
    EXPECT_EQ(calls, "(pn)");
    EXPECT_EQ(at(5.0), together);
}

TEST_F(Guidance, ScaleZeroIsTheNegative) {
    EXPECT_FLOAT_EQ(at(0.0), -0.5f);
}

TEST_F(Guidance, ScaleOneCallsOnlyThePositive) {
    EXPECT_EQ(at(1.0), 2.5f);
    EXPECT_EQ(at(1.0, true), 2.5f);
    EXPECT_EQ(calls, "(p)(p)");
}

TEST_F(Guidance, NextToOneCallsBoth) {
    EXPECT_NEAR(at(1.0001), 2.5003f, 1e-6);
    EXPECT_EQ(calls, "(p)(n)");
}

TEST_F(Guidance, RejectsOtherNumbersOfVelocities) {
    const BranchDenoiser one = [](auto, const Tensor& x, double) { return std::vector{x}; };
    const Tensor x = zeros(ctx, {1});
    EXPECT_NO_THROW(guided(ctx, one, 2.0)(x, 0));
    EXPECT_THROW(guided(ctx, one, 2.0, true)(x, 0), Error);
}

TEST_F(Guidance, RejectsBadScales) {
    EXPECT_THROW(at(-0.1), InvalidRequest);
    EXPECT_THROW(at(std::numeric_limits<double>::infinity()), InvalidRequest);
    EXPECT_THROW(at(std::numeric_limits<double>::quiet_NaN()), InvalidRequest);
    EXPECT_THROW(guided(ctx, {}, 2.0), Error);
    EXPECT_EQ(calls, "");
}

}  // namespace
}  // namespace t3video::sampling
