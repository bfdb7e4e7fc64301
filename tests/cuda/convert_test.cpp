// Element type conversion on the GPU rounds as on the CPU, which is tested bit by bit.
#include "ops/convert.h"

#include <cstring>

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class ConvertOnGpu : public OnGpu {};

TEST_P(ConvertOnGpu, SameBitsAsOnTheCpu) {
    for (const DType from : {DType::f32, DType::f16, DType::bf16}) {
        for (const DType to : {DType::f32, DType::f16, DType::bf16}) {
            for (const int64_t size : {1, 7, 8, 1000, 300001}) {
                for (const int64_t skipped : {0, 1}) {
                    SCOPED_TRACE(concat(size, " from ", from, " to ", to, ", ", skipped, " skipped"));
                    const Tensor x = randn(cpu(), {size + skipped}, 1, from).slice(skipped, size + skipped);
                    const Tensor expected = ops::convert(cpu(), x, to);
                    const Tensor all = to_device(gpu(), randn(cpu(), {size + skipped}, 1, from));
                    const Tensor y = to_host(gpu(), ops::convert(gpu(), all.slice(skipped, size + skipped), to));
                    ASSERT_EQ(y.bytes(), expected.bytes());
                    EXPECT_EQ(std::memcmp(y.raw(), expected.raw(), y.bytes()), 0);
                }
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, ConvertOnGpu, ::testing::Values(DType::f32), type_name);

}  // namespace
}  // namespace t3video
