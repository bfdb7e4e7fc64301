// Windows and attention over grids, counts and shifts at random.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "ops/attention.h"
#include "support/tensors.h"
#include "support/windows.h"

namespace t3video::t3 {
namespace {

using namespace testing;

class AnyGrid : public ::testing::Test {
  protected:
    int64_t upto(int64_t most) { return static_cast<int64_t>(random_() % static_cast<uint32_t>(most)); }
    Grid grid(int64_t t, int64_t h, int64_t w) { return {1 + upto(t), 1 + upto(h), 1 + upto(w)}; }
    Pattern pattern(const Grid& g, bool shifted) {
        Pattern p{1 + upto(g.t), 1 + upto(g.h), 1 + upto(g.w)};
        if (shifted) p.shift = {upto(g.t / p.t), upto(g.h / p.h), upto(g.w / p.w)};
        return p;
    }

    std::mt19937 random_{7};
};

// Every token lies in one window of each branch. Along each axis windows differ by a token at most, but for those at
// the ends of moved ones, which are smaller.
TEST_F(AnyGrid, BranchesPartitionTheTokens) {
    for (int i = 0; i < 3000; ++i) {
        const Grid g = grid(9, 24, 30);
        const Pattern p = pattern(g, i % 2 == 0);
        for (const bool remote : {false, true}) {
            const ops::TokenWindows windows = remote ? remote_windows(g, p) : close_windows(g, p);
            std::vector<int64_t> sorted = windows.order;
            std::ranges::sort(sorted);
            for (int64_t token = 0; token < g.tokens(); ++token) ASSERT_EQ(sorted[static_cast<size_t>(token)], token);
            ASSERT_EQ(sorted.size(), static_cast<size_t>(g.tokens()));
            for (size_t w = 0; w + 1 < windows.starts.size(); ++w) {
                std::set<int64_t> ts, hs, ws;
                for (int64_t at = windows.starts[w]; at < windows.starts[w + 1]; ++at) {
                    const int64_t token = windows.order[static_cast<size_t>(at)];
                    ts.insert(token / (g.h * g.w));
                    hs.insert(token / g.w % g.h);
                    ws.insert(token % g.w);
                }
                ASSERT_EQ(windows.starts[w + 1] - windows.starts[w],
                          static_cast<int64_t>(ts.size() * hs.size() * ws.size()));
                const auto expect_extent = [&](const std::set<int64_t>& positions, int64_t extent, int64_t count,
                                               int64_t shift) {
                    const auto size = static_cast<int64_t>(positions.size());
                    const bool at_end = *positions.begin() == 0 || *positions.rbegin() == extent - 1;
                    if (remote || shift == 0 || !at_end) {
                        EXPECT_GE(size, extent / count) << g << ' ' << p;
                    }
                    EXPECT_LE(size, (extent + count - 1) / count) << g << ' ' << p;
                };
                expect_extent(ts, g.t, p.t, p.shift.t);
                expect_extent(hs, g.h, p.h, p.shift.h);
                expect_extent(ws, g.w, p.w, p.shift.w);
            }
        }
    }
}

// Windows that an engine uses are the same ones, those of a size behind one another.
TEST_F(AnyGrid, SizesFollowOneAnother) {
    Context ctx;
    for (int i = 0; i < 300; ++i) {
        const Grid g = grid(5, 12, 14);
        const Pattern p = pattern(g, i % 2 == 0);
        const LayoutWindows layout(ctx, {g, {p}}, RowOrder::tokens);
        const LayerWindows expected = layer_windows(g, p);
        ASSERT_EQ(layout.of_layer(0).size(), expected.size());
        for (size_t branch = 0; branch < expected.size(); ++branch) {
            const auto sets = [](const ops::TokenWindows& windows) {
                std::multiset<std::vector<int64_t>> all;
                for (size_t w = 0; w + 1 < windows.starts.size(); ++w)
                    all.emplace(windows.order.begin() + windows.starts[w],
                                windows.order.begin() + windows.starts[w + 1]);
                return all;
            };
            const ops::TokenWindows& windows = layout.of_layer(0)[branch];
            EXPECT_EQ(sets(windows), sets(expected[branch])) << g << ' ' << p;
            if (branch == 0 && windows.in_order) continue;
            int64_t runs = 1;
            for (size_t w = 1; w + 1 < windows.starts.size(); ++w) {
                const int64_t before = windows.starts[w] - windows.starts[w - 1],
                              own = windows.starts[w + 1] - windows.starts[w];
                EXPECT_LE(own, before);
                runs += own != before;
            }
            EXPECT_LE(runs, 27) << g << ' ' << p;  // two lengths an axis, and what a shift leaves at both ends
        }
    }
}

TEST_F(AnyGrid, AttentionEqualsTheMaskedOne) {
    Context ctx;
    for (int i = 0; i < 150; ++i) {
        const Grid g = grid(4, 7, 9);
        const WindowCase c{g, pattern(g, i % 2 == 0), 1 + upto(2), 4 * (1 + upto(5))};
        const Tensor q = randn(ctx, c.shape(), 1), k = randn(ctx, c.shape(), 2), v = randn(ctx, c.shape(), 3);
        for (const RowOrder order : {RowOrder::tokens, RowOrder::windows}) {
            const LayoutWindows layout(ctx, {g, {c.counts}}, order);
            const Tensor y = ops::window_attention(ctx, q, k, v, c.heads, c.scale(), branches_of(layout));
            EXPECT_LT(relative_error(y, plain_window_attention(c, q, k, v, tokens_of_rows(ctx, layout))), 1e-5) << c;
        }
    }
}

}  // namespace
}  // namespace t3video::t3
