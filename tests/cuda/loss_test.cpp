// The loss on the GPU and its gradient.
#include "ops/loss.h"

#include <cmath>

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class LossOnGpu : public OnGpu {};

TEST_P(LossOnGpu, SquaredError) {
    for (const Shape& shape : {Shape{1, 1, 1, 1}, {3, 4, 5, 7}, {16, 5, 6, 10}, {48, 21, 22, 30}, {200, 4, 2, 2}}) {
        for (int64_t first = 0; first < shape[1]; first += 3) {
            SCOPED_TRACE(concat(shape, " from ", first));
            const Operand a = random(shape, 1, DType::f32), b = random(shape, 2, DType::f32);
            const ops::Loss expected = ops::squared_error(cpu(), a.host, b.host, first, 0.25f);
            const double value = ops::squared_error(gpu(), a.device, b.device, first, 0.25f).value;
            EXPECT_NEAR(value, expected.value, 1e-12 * expected.value);
            EXPECT_EQ(value, ops::squared_error(gpu(), a.device, b.device, first, 0.25f).value) << "two runs differ";
            expect_parity(
                expected.gradient, [&] { return ops::squared_error(gpu(), a.device, b.device, first, 0.25f).gradient; },
                DType::f32, 1e-6);
        }
    }
}

TEST_P(LossOnGpu, IsNotFiniteWhereAnOperandIsNot) {
    for (const float bad : {NAN, INFINITY}) {
        Tensor values = randn(cpu(), {3, 4, 5, 7}, 1);
        values.data<float>()[400] = bad;
        const Operand a = on_both(values), b = random({3, 4, 5, 7}, 2, DType::f32);
        EXPECT_FALSE(std::isfinite(ops::squared_error(gpu(), a.device, b.device, 0, 1.0f).value));
        EXPECT_FALSE(std::isfinite(ops::squared_error(gpu(), b.device, a.device, 0, 1.0f).value));
    }
}

INSTANTIATE_TEST_SUITE_P(Types, LossOnGpu, ::testing::Values(DType::f32), type_name);

}  // namespace
}  // namespace t3video
