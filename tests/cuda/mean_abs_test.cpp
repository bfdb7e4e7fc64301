// Means of magnitudes on the GPU.
#include "ops/mean_abs.h"

#include <cmath>

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class MeanAbsOnGpu : public OnGpu {};

TEST_P(MeanAbsOnGpu, MatchesTheCpu) {
    for (const Shape& shape : {Shape{1}, {3}, {257}, {4, 1024}, {33, 1001}, {16, 21, 68, 121}}) {
        SCOPED_TRACE(concat(shape));
        const Operand a = random(shape, 1, DType::f32), b = random(shape, 2, DType::f32);
        const double size = ops::mean_abs(cpu(), a.host), apart = ops::mean_abs_difference(cpu(), a.host, b.host);
        EXPECT_NEAR(ops::mean_abs(gpu(), a.device), size, 1e-12 * size);
        const double found = ops::mean_abs_difference(gpu(), a.device, b.device);
        EXPECT_NEAR(found, apart, 1e-12 * apart);
        EXPECT_EQ(found, ops::mean_abs_difference(gpu(), a.device, b.device)) << "two runs differ";
    }
}

// A slice of a tensor begins where vectors need not be aligned.
TEST_P(MeanAbsOnGpu, TakesWhatIsNotAligned) {
    const Operand a = random({5, 333}, 1, DType::f32);
    EXPECT_NEAR(ops::mean_abs(gpu(), a.device.slice(1, 5)), ops::mean_abs(cpu(), a.host.slice(1, 5)), 1e-12);
}

TEST_P(MeanAbsOnGpu, IsNotFiniteWhereAnElementIsNot) {
    for (const float bad : {NAN, INFINITY}) {
        Tensor values = randn(cpu(), {3, 4001}, 1);
        values.data<float>()[12002] = bad;
        EXPECT_FALSE(std::isfinite(ops::mean_abs(gpu(), on_both(values).device)));
    }
}

INSTANTIATE_TEST_SUITE_P(Types, MeanAbsOnGpu, ::testing::Values(DType::f32), type_name);

}  // namespace
}  // namespace t3video
