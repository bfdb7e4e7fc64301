// Levels of whole tensors.
#include "ops/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

TEST(Levels, OfEveryElement) {
    Context ctx;
    const Tensor x = randn(ctx, {3, 40, 501}, 1);
    const Tensor y = ops::quantize_u8(ctx, x);
    ASSERT_EQ(y.shape(), x.shape());
    ASSERT_EQ(y.dtype(), DType::u8);
    int64_t inside = 0;
    for (int64_t i = 0; i < x.numel(); ++i) {
        const double exact = (double(x.data<float>()[i]) + 1) * 127.5;
        ASSERT_EQ(y.data<uint8_t>()[i], std::floor(std::clamp(exact, 0.0, 255.0) + 0.5)) << "element " << i;
        inside += exact > 0 && exact < 255;
    }
    EXPECT_GT(inside, x.numel() / 2);
}

TEST(Levels, RejectsOtherTypes) {
    Context ctx;
    EXPECT_THROW(ops::quantize_u8(ctx, empty(ctx, {2, 3}, DType::u8)), Error);
}

}  // namespace
}  // namespace t3video
