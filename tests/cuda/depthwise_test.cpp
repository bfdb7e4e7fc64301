// Depthwise convolution on the GPU, over widths that no vector fits and frames smaller than the kernel.
#include "ops/depthwise.h"

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class DepthwiseOnGpu : public OnGpu {};

TEST_P(DepthwiseOnGpu, FramesAndThoseBefore) {
    for (const auto& [shape, side] : {std::pair{Shape{2, 1, 1, 1}, int64_t{1}},
                                      {{2, 3, 2, 5}, 7},
                                      {{3, 9, 13, 7}, 7},
                                      {{4, 33, 41, 64}, 7},
                                      {{2, 8, 11, 24}, 3}}) {
        SCOPED_TRACE(concat(shape, ", kernel of ", side));
        const Operand x = random(shape, 1), w = random({side * side, 2 * shape[3]}, 2, DType::f32);
        expect_parity(ops::depthwise_with_past(cpu(), x.host, w.host),
                      [&] { return ops::depthwise_with_past(gpu(), x.device, w.device); });
    }
}

INSTANTIATE_TEST_SUITE_P(Types, DepthwiseOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
