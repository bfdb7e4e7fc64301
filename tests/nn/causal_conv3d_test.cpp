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
TEST(CausalConv3d, TakesSomeRowsOfAFrame) {
    Context ctx;
    const CausalConv3d conv = random_conv(ctx, 4, 5, {3, 3, 3});
    const Tensor x = randn(ctx, {3, 6, 3, 4}, 3), whole = conv.forward(ctx, x);
    const auto rows_of = [&](const Tensor& all, int64_t first, int64_t last) {
        std::vector<Tensor> frames;
        const int64_t row = all.dim(2) * all.dim(3);
        for (int64_t t = 0; t < all.dim(0); ++t)
            frames.push_back(all.slice(t, t + 1).reshape({all.dim(1), row}).slice(first, last));
        return ops::concat(ctx, frames).reshape({all.dim(0), last - first, all.dim(2), all.dim(3)});
    };
    for (const auto& [first, last] : {std::pair<int64_t, int64_t>{0, 6}, {0, 4}, {2, 6}, {1, 5}}) {
        const ops::Edges edges{first == 0, last == 6};
        const Tensor cut = rows_of(x, first, last);
        FrameHistory history;
        const std::array parts{conv.forward(ctx, cut.slice(0, 2), &history, edges),
                               conv.forward(ctx, cut.slice(2, 3), &history, edges)};
        const Tensor expected = rows_of(whole, first + !edges.top, last - !edges.bottom);
        EXPECT_LT(relative_error(ops::concat(ctx, parts), expected), 1e-6) << "rows " << first << " to " << last;
    }
}

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
        FrameHistory history;
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
