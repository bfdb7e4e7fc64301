// Classifier-free guidance: formula, order of the passes, and when the second is skipped.
#include "sampling/guidance.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "core/error.h"

namespace t3video::sampling {
namespace {

class Guidance : public ::testing::Test {
  protected:
    // Answers x + offset and notes the call.
    Denoiser pass(char name, float offset) {
        return [this, name, offset](const Tensor& x, double timestep) {
            calls += name;
            EXPECT_EQ(timestep, 321.5);
            Tensor v = clone(ctx, x);
            for (float& value : v.span<float>()) value += offset;
            return v;
        };
    }

    float at(double scale) {
        const float start = 0.5f;
        const Tensor x = from_span(ctx, {&start, 1}, {1});
        const Tensor v = guided(ctx, pass('p', 2.0f), pass('n', -1.0f), scale)(x, 321.5);
        return v.span<float>()[0];
    }

    Context ctx;
    std::string calls;
};

TEST_F(Guidance, MovesFromNegativePastPositive) {
    EXPECT_FLOAT_EQ(at(5.0), -0.5f + 5.0f * 3.0f);
    EXPECT_EQ(calls, "pn");
}

TEST_F(Guidance, ScaleZeroIsTheNegative) {
    EXPECT_FLOAT_EQ(at(0.0), -0.5f);
}

TEST_F(Guidance, ScaleOneCallsOnlyThePositive) {
    EXPECT_EQ(at(1.0), 2.5f);
    EXPECT_EQ(calls, "p");
    EXPECT_NO_THROW(guided(ctx, pass('p', 0.0f), {}, 1.0));
}

TEST_F(Guidance, NextToOneCallsBoth) {
    EXPECT_NEAR(at(1.0001), 2.5003f, 1e-6);
    EXPECT_EQ(calls, "pn");
}

TEST_F(Guidance, RejectsBadScales) {
    EXPECT_THROW(at(-0.1), InvalidRequest);
    EXPECT_THROW(at(std::numeric_limits<double>::infinity()), InvalidRequest);
    EXPECT_THROW(at(std::numeric_limits<double>::quiet_NaN()), InvalidRequest);
    EXPECT_THROW(guided(ctx, pass('p', 0.0f), {}, 2.0), Error);
    EXPECT_EQ(calls, "");
}

}  // namespace
}  // namespace t3video::sampling
