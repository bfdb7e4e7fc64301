// Self-attention over windows: what it must equal whatever the weights.
#include "t3/self_attention.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "nn/rope.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "support/params.h"
#include "support/tensors.h"

namespace t3video::t3 {
namespace {

using namespace testing;

constexpr int64_t kWidth = 48, kHeads = 2;

class SelfAttentionTest : public ::testing::Test {
  protected:
    SelfAttentionTest() {
        uint32_t seed = 1;
        attention_.for_each_param("", [&](const std::string&, nn::Param& param) {
            Tensor value = randn(ctx_, param.shape, seed++);
            if (param.shape.rank() == 2) {
                for (float& x : value.span<float>()) x *= 0.3f;
            }
            param.value = value;
        });
    }

    void fill(nn::Param& param, float value) {
        param.value = zeros(ctx_, param.shape);
        for (float& x : numbers_of(param)) x = value;
    }
    // The output projection leaves its input as it is.
    void forward_to_output() {
        fill(attention_.o.weight, 0);
        fill(attention_.o.bias, 0);
        for (int64_t i = 0; i < kWidth; ++i) numbers_of(attention_.o.weight)[size_t(i * kWidth + i)] = 1;
    }

    Tensor input(const Grid& grid) { return randn(ctx_, {grid.tokens(), kWidth}, 99); }
    Tensor run(const Grid& grid, const Tensor& x, const LayerWindows& windows) {
        return attention_.forward(ctx_, x, nn::make_rope_table(ctx_, grid, kWidth / kHeads), windows);
    }
    Tensor run(const Grid& grid, const Tensor& x, const Pattern& counts) {
        return run(grid, x, layer_windows(grid, counts));
    }

    Context ctx_;
    SelfAttention attention_{kWidth, kHeads, 1e-6f};
};

TEST_F(SelfAttentionTest, OneWindowIsFullAttention) {
    const Grid grid{2, 3, 5};
    const Tensor x = input(grid);
    const ops::RopeTable rope = nn::make_rope_table(ctx_, grid, kWidth / kHeads);
    const auto& a = attention_;
    const Tensor q = ops::rope(ctx_, a.norm_q.forward(ctx_, a.q.forward(ctx_, x)), rope, kHeads);
    const Tensor k = ops::rope(ctx_, a.norm_k.forward(ctx_, a.k.forward(ctx_, x)), rope, kHeads);
    const float scale = 1 / std::sqrt(static_cast<float>(kWidth / kHeads));
    const Tensor attended = ops::attention(ctx_, q, k, a.v.forward(ctx_, x), {.heads = kHeads, .scale = scale});
    EXPECT_LT(relative_error(run(grid, x, {1, 1, 1}), a.o.forward(ctx_, attended)), 1e-5);
}

TEST_F(SelfAttentionTest, EqualScoresGiveTheMeanOfTheWindowsMeans) {
    const Grid grid{3, 5, 7};
    fill(attention_.q.weight, 0);
    fill(attention_.q.bias, 0);  // a query of zero stays zero under norm and rotation: every score is 0
    forward_to_output();
    const Tensor x = input(grid);
    const Tensor v = attention_.v.forward(ctx_, x);
    for (const Pattern& counts : {Pattern{1, 2, 3}, {3, 5, 2}, {2, 4, 1}, {3, 1, 1}}) {
        const LayerWindows branches = layer_windows(grid, counts);
        std::vector<double> expected(static_cast<size_t>(grid.tokens() * kWidth), 0.0);
        for (const ops::TokenWindows& branch : branches) {
            for (size_t w = 0; w + 1 < branch.starts.size(); ++w) {
                const std::span<const int64_t> tokens(branch.order.data() + branch.starts[w],
                                                      branch.order.data() + branch.starts[w + 1]);
                for (int64_t c = 0; c < kWidth; ++c) {
                    double mean = 0;
                    for (const int64_t token : tokens)
                        mean += v.data<float>()[token * kWidth + c] / double(tokens.size());
                    for (const int64_t token : tokens)
                        expected[static_cast<size_t>(token * kWidth + c)] += mean / double(branches.size());
                }
            }
        }
        EXPECT_LT(relative_error(run(grid, x, counts), expected), 1e-5) << counts;
    }
}

TEST_F(SelfAttentionTest, CoincidingBranchesComputedOnceEqualTheirMean) {
    const Grid grid{3, 4, 5};
    const Tensor x = input(grid);
    for (const Pattern& counts : {Pattern{3, 1, 1}, {3, 4, 1}, {1, 4, 1}, {3, 4, 5}}) {
        ASSERT_EQ(layer_windows(grid, counts).size(), 1U);
        const LayerWindows both{close_windows(grid, counts), remote_windows(grid, counts)};
        const Tensor once = run(grid, x, counts), twice = run(grid, x, both);
        EXPECT_LT(relative_error(once, twice), 1e-6) << counts;
    }
}

TEST_F(SelfAttentionTest, TwoBranchesAreTheMeanOfEach) {
    const Grid grid{3, 4, 5};
    const Tensor x = input(grid);
    const Pattern counts{2, 2, 3};
    const Tensor close = run(grid, x, {close_windows(grid, counts)}),
                 remote = run(grid, x, {remote_windows(grid, counts)});
    EXPECT_GT(relative_error(close, remote), 1e-2);  // or the mean says nothing
    EXPECT_LT(relative_error(run(grid, x, counts), ops::axpby(ctx_, 0.5f, close, 0.5f, remote)), 1e-5);
}

// A token sees its windows and nothing else.
TEST_F(SelfAttentionTest, OtherWindowsDoNotMatter) {
    const Grid grid{2, 4, 6};
    const Pattern counts{1, 2, 3};
    const LayerWindows close{close_windows(grid, counts)};
    const Tensor x = input(grid);
    const Tensor before = run(grid, x, close);
    Tensor changed = clone(ctx_, x);
    const auto& order = close[0].order;
    const auto first = static_cast<size_t>(close[0].starts[2]), last = static_cast<size_t>(close[0].starts[3]);
    for (size_t i = first; i < last; ++i) changed.data<float>()[order[i] * kWidth] += 3;
    const Tensor after = run(grid, changed, close);
    for (size_t i = 0; i < order.size(); ++i) {
        const Tensor a = before.slice(order[i], order[i] + 1), b = after.slice(order[i], order[i] + 1);
        if (i >= first && i < last) {
            EXPECT_GT(relative_error(b, a), 1e-3) << "token " << order[i];
        } else {
            EXPECT_EQ(relative_error(b, a), 0) << "token " << order[i];
        }
    }
}

// Tokens keep their positions in the whole grid: a window is not a grid of its own, where its tokens would be
// neighbours.
TEST_F(SelfAttentionTest, RotationIsRelativeAndGlobal) {
    const Grid grid{1, 1, 8};
    const Tensor x = input(grid);
    const ops::TokenWindows pairs{{0, 4, 1, 5, 2, 6, 3, 7}, {0, 2, 4, 6, 8}};
    const Tensor far = run(grid, x, {pairs});
    const Grid two{1, 1, 2};
    const Tensor rows = ops::gather_rows(ctx_, x, std::array<int64_t, 2>{0, 4});
    const Tensor near = run(two, rows, {1, 1, 1});
    EXPECT_GT(relative_error(far.slice(0, 1), near.slice(0, 1)), 1e-3);
    // Moving both tokens by the same distance changes nothing.
    Tensor moved = clone(ctx_, x);
    for (const auto& [from, to] : {std::pair(0, 2), std::pair(4, 6)}) {
        std::copy_n(x.data<float>() + from * kWidth, kWidth, moved.data<float>() + to * kWidth);
    }
    EXPECT_LT(relative_error(run(grid, moved, {pairs}).slice(2, 3), far.slice(0, 1)), 1e-5);
}

}  // namespace
}  // namespace t3video::t3
