// Windows of a run that only counts, which have sizes and no lists, against the lists.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/errors.h"
#include "t3/window_layout.h"

namespace t3video::t3 {
namespace {

using namespace testing;

// Every layout of some small grids, and some of larger ones.
std::vector<std::pair<Grid, Pattern>> layouts() {
    std::vector<std::pair<Grid, Pattern>> all = {{{5, 17, 23}, {2, 5, 7}},          {{21, 68, 120}, {3, 4, 15}},
                                                 {{21, 68, 120}, {7, 4, 8}},        {{5, 17, 23}, {2, 5, 7, {1, 2, 2}}},
                                                 {{5, 7, 9}, {1, 3, 9, {4, 1, 0}}}, {{3, 9, 10}, {3, 4, 3, {0, 0, 1}}},
                                                 {{1, 8, 1}, {1, 1, 1, {0, 3, 0}}}};
    const size_t moved = all.size();
    for (const Grid& g : {Grid{1, 1, 1}, Grid{3, 4, 5}, Grid{1, 6, 2}, Grid{4, 1, 4}, Grid{2, 3, 1}}) {
        for (int64_t t = 1; t <= g.t; ++t)
            for (int64_t h = 1; h <= g.h; ++h)
                for (int64_t w = 1; w <= g.w; ++w) all.push_back({g, {t, h, w}});
    }
    for (size_t i = 0; i < moved; ++i) {
        for (const Branches one : {Branches::close, Branches::remote}) {
            all.push_back(all[i]);
            all.back().second.branches = one;
        }
    }
    all.push_back({{3, 4, 5}, {3, 1, 1, {}, Branches::remote}});  // the same windows as close ones
    all.push_back({{3, 4, 5}, {1, 2, 1, {}, Branches::remote}});
    return all;
}

TEST(CountedWindows, AreAsLargeAsListed) {
    for (const auto& [grid, counts] : layouts()) {
        for (const Device target : {Device::cpu, Device::cuda}) {
            Context ctx = make_meta_context(DType::bf16, target);
            const LayoutWindows all_windows(ctx, {grid, {counts}});
            LayerWindows listed = layer_windows(grid, counts);
            const LayerWindows& counted = all_windows.of_layer(0);
            ASSERT_EQ(counted.size(), listed.size());
            const bool sorted = std::ranges::is_sorted(listed[0].order);
            EXPECT_EQ(all_windows.row_order(0) != nullptr, target == Device::cuda && !sorted) << grid << ' ' << counts;
            EXPECT_EQ(counted[0].in_order, target == Device::cuda || sorted) << grid << ' ' << counts;
            for (size_t branch = 0; branch < listed.size(); ++branch) {
                const ops::WindowSizes a = listed[branch].sizes(), b = counted[branch].sizes();
                EXPECT_EQ(a.tokens, b.tokens) << grid << ' ' << counts;
                EXPECT_EQ(a.longest, b.longest) << grid << ' ' << counts;
                EXPECT_EQ(a.shortest, b.shortest) << grid << ' ' << counts;
                EXPECT_EQ(a.pairs, b.pairs) << grid << ' ' << counts;
                EXPECT_TRUE(counted[branch].order.empty());
            }
        }
    }
}

// Work and memory of attention over them, uploaded or not.
TEST(CountedWindows, TakeWhatListedOnesTake) {
    for (const auto& [grid, counts] : layouts()) {
        for (const Device target : {Device::cpu, Device::cuda}) {
            for (const int64_t head_width : {64, 192}) {  // fused on a GPU, and with scores in memory
                const auto attend = [&](bool from_lists) {
                    Context ctx = make_meta_context(DType::bf16, target);
                    const LayoutWindows all_windows(ctx, {grid, {counts}});
                    LayerWindows windows = from_lists ? layer_windows(grid, counts) : all_windows.of_layer(0);
                    if (from_lists) {
                        for (size_t i = 0; i < windows.size(); ++i) {
                            windows[i].device_order = all_windows.of_layer(0)[i].device_order;
                            windows[i].in_order = all_windows.of_layer(0)[i].in_order;
                        }
                    }
                    std::vector<const ops::TokenWindows*> branches;
                    for (const ops::TokenWindows& branch : windows) branches.push_back(&branch);
                    const Tensor x = empty(ctx, {grid.tokens(), 2 * head_width}, DType::bf16);
                    ops::window_attention(ctx, x, x, x, 2, 1.0f, branches);
                    return std::pair(ctx.work(), ctx.allocator().peak());
                };
                EXPECT_EQ(attend(false), attend(true)) << grid << ' ' << counts << ' ' << head_width;
            }
        }
    }
}

TEST(CountedWindows, RangeIsThatOfTheLists) {
    const auto expect_range = [](const WindowRange& range, const ops::TokenWindows& windows) {
        int64_t least = windows.starts.back(), most = 0;
        for (size_t w = 1; w < windows.starts.size(); ++w) {
            least = std::min(least, windows.starts[w] - windows.starts[w - 1]);
            most = std::max(most, windows.starts[w] - windows.starts[w - 1]);
        }
        EXPECT_EQ(range.count, static_cast<int64_t>(windows.starts.size()) - 1);
        EXPECT_EQ(range.least, least);
        EXPECT_EQ(range.most, most);
    };
    for (const auto& [grid, counts] : layouts()) {
        SCOPED_TRACE(concat(grid, ' ', counts));
        expect_range(window_range(grid, counts), close_windows(grid, counts));
        expect_range(window_range(grid, {counts.t, counts.h, counts.w}), remote_windows(grid, counts));
    }
}

TEST(CountedWindows, ListsAreAsLongAsSaid) {
    for (const auto& [grid, counts] : layouts()) {
        size_t entries = 0;
        for (const auto& branch : layer_windows(grid, counts)) entries += branch.order.size() + branch.starts.size();
        EXPECT_EQ(list_bytes({grid, {counts, counts}}), 2 * entries * sizeof(int64_t)) << grid << ' ' << counts;
    }
}

// Lists of these tokens would take gigabytes.
TEST(CountedWindows, TheLargestGridTakesNoLists) {
    Context ctx = make_meta_context(DType::f32, Device::cpu);
    const Grid grid{256, 1024, 1024};
    ASSERT_EQ(grid.tokens(), kMostTokens);
    const LayoutWindows all_windows(ctx, {grid, {{1, 1, 1}, {3, 17, 100}}});
    EXPECT_EQ(all_windows.of_layer(1)[0].sizes().longest, 86 * 61 * 11);
    EXPECT_EQ(ctx.allocator().peak(), 0U);
    expect_invalid([&] { LayoutWindows(ctx, {{257, 1024, 1024}, {{1, 1, 1}}}); }, {"257x1024x1024", "268435456"});
}

}  // namespace
}  // namespace t3video::t3
