// Levels on the GPU are those of the CPU, halves between two of them included.
#include "ops/quantize.h"

#include <cstring>
#include <limits>

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class LevelsOnGpu : public OnGpu {};

TEST_P(LevelsOnGpu, SameAsOnTheCpu) {
    Tensor values = randn(cpu(), {300001}, 1);
    for (int64_t i = 0; i <= 512; ++i) values.data<float>()[i] = static_cast<float>(i) / 255.0f - 1.0f;  // half levels
    values.data<float>()[513] = std::numeric_limits<float>::quiet_NaN();
    values.data<float>()[514] = std::numeric_limits<float>::infinity();
    const Operand x = on_both(ops::convert(cpu(), values, type()));
    for (const int64_t first : {0, 1}) {
        const Tensor expected = ops::quantize_u8(cpu(), x.host.slice(first, 300001));
        const Tensor y = to_host(gpu(), ops::quantize_u8(gpu(), x.device.slice(first, 300001)));
        ASSERT_EQ(y.bytes(), expected.bytes());
        EXPECT_EQ(std::memcmp(y.raw(), expected.raw(), y.bytes()), 0) << "from element " << first;
    }
}

INSTANTIATE_TEST_SUITE_P(Types, LevelsOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
