// CausalConv3d: no look ahead, zeros before the start, and chunks of any length equal to the whole.
#include "nn/causal_conv3d.h"

#include <gtest/gtest.h>

#include <array>

#include "ops/layout.h"
#include "support/tensors.h"

namespace t3video::nn {
namespace {

using namespace t3video::testing;

CausalConv3d random_conv(Context& ctx, int64_t in, int64_t out, std::array<int64_t, 3> kernel) {
    CausalConv3d conv(in, out, kernel);
    conv.weight.value = randn(ctx, conv.weight.shape, 1);
    conv.bias.value = randn(ctx, conv.bias.shape, 2);
    return conv;
}

TEST(CausalConv3d, LaterFramesDoNotMatter) {
    Context ctx;
    const CausalConv3d conv = random_conv(ctx, 4, 5, {3, 3, 3});
    const Tensor x = randn(ctx, {6, 4, 3, 4}, 3);
    const Tensor y = conv.forward(ctx, x);
    EXPECT_EQ(y.shape(), (Shape{6, 4, 3, 5}));
    EXPECT_LT(relative_error(conv.forward(ctx, x.slice(0, 2)), y.slice(0, 2)), 1e-6);
}

TEST(CausalConv3d, BeforeTheStartLieZeros) {
    Context ctx;
    const CausalConv3d conv = random_conv(ctx, 4, 5, {3, 3, 3});
    const Tensor x = randn(ctx, {1, 4, 3, 4}, 3);
    const std::array padded{zeros(ctx, {2, 4, 3, 4}), x};
    const Tensor y = conv.forward(ctx, ops::concat(ctx, padded));
    EXPECT_LT(relative_error(conv.forward(ctx, x), y.slice(2, 3)), 1e-6);
}

// Rows cut from a frame, in two chunks of time, give the rows of the whole that they determine.
class CausalConv3dChunks : public ::testing::TestWithParam<std::array<int64_t, 3>> {};
INSTANTIATE_TEST_SUITE_P(Kernels, CausalConv3dChunks,
                         ::testing::Values(std::array<int64_t, 3>{3, 3, 3}, std::array<int64_t, 3>{3, 1, 1},
                                           std::array<int64_t, 3>{1, 1, 1}, std::array<int64_t, 3>{1, 3, 3}));

TEST_P(CausalConv3dChunks, EqualTheWhole) {
    Context ctx;
    const CausalConv3d conv = random_conv(ctx, 4, 5, GetParam());
    const Tensor x = randn(ctx, {9, 4, 3, 4}, 3);
    const Tensor whole = conv.forward(ctx, x);
    for (const std::vector<int64_t>& chunks : {std::vector<int64_t>{1, 1, 1, 6}, {2, 3, 4}, {5, 1, 3}, {9}}) {
        ConvHistory history;
        std::vector<Tensor> parts;
        int64_t first = 0;
        for (const int64_t count : chunks) {
            parts.push_back(conv.forward(ctx, x.slice(first, first + count), &history));
            EXPECT_LE(history.frames.size(), static_cast<size_t>(GetParam()[0] - 1));
            first += count;
        }
        EXPECT_LT(relative_error(ops::concat(ctx, parts), whole), 1e-6);
    }
}

}  // namespace
}  // namespace t3video::nn
