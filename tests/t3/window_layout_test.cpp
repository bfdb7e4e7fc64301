// Window geometry against its formulas, written out.
#include "t3/window_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "support/errors.h"
#include "t3/planner.h"

namespace t3video::t3 {
namespace {

using Window = std::vector<int64_t>;

std::vector<Window> windows_of(const ops::TokenWindows& windows) {
    std::vector<Window> all;
    for (size_t w = 0; w + 1 < windows.starts.size(); ++w) {
        all.emplace_back(windows.order.begin() + windows.starts[w], windows.order.begin() + windows.starts[w + 1]);
    }
    return all;
}

// Windows as sets, whatever their order and that of their tokens.
std::set<std::set<int64_t>> partition_of(const ops::TokenWindows& windows) {
    std::set<std::set<int64_t>> partition;
    for (const Window& window : windows_of(windows)) partition.emplace(window.begin(), window.end());
    return partition;
}

// The published formulas, for counts that divide the grid: place (a, b, c) of window (i, j, k).
std::vector<Window> divided(const Grid& g, const Pattern& n, bool close) {
    const int64_t wt = g.t / n.t, wh = g.h / n.h, ww = g.w / n.w;
    std::vector<Window> all(static_cast<size_t>(n.t * n.h * n.w));
    for (int64_t i = 0; i < n.t; ++i)
        for (int64_t j = 0; j < n.h; ++j)
            for (int64_t k = 0; k < n.w; ++k)
                for (int64_t a = 0; a < wt; ++a)
                    for (int64_t b = 0; b < wh; ++b)
                        for (int64_t c = 0; c < ww; ++c) {
                            const int64_t t = close ? i * wt + a : a * n.t + i;
                            const int64_t h = close ? j * wh + b : b * n.h + j;
                            const int64_t w = close ? k * ww + c : c * n.w + k;
                            all[static_cast<size_t>((i * n.h + j) * n.w + k)].push_back((t * g.h + h) * g.w + w);
                        }
    return all;
}

// The window that a token belongs to, one axis at a time, straight from the definitions.
int64_t close_part(int64_t x, int64_t extent, int64_t count) {
    int64_t part = 0;
    while (x >= (part + 1) * extent / count) ++part;
    return part;
}
int64_t remote_part(int64_t x, int64_t count) {
    return x % count;
}

const std::vector<std::pair<Grid, Pattern>> kRagged = {{{5, 7, 11}, {2, 3, 4}},
                                                       {{5, 7, 11}, {5, 1, 2}},
                                                       {{3, 10, 6}, {2, 10, 4}},
                                                       {{1, 13, 9}, {1, 5, 9}},
                                                       {{4, 4, 4}, {3, 3, 3}}};

TEST(WindowLayout, SmallGridAsListed) {
    const Grid grid{1, 4, 6};
    const Pattern counts{1, 2, 3};
    const std::vector<Window> close = {{0, 1, 6, 7},     {2, 3, 8, 9},     {4, 5, 10, 11},
                                       {12, 13, 18, 19}, {14, 15, 20, 21}, {16, 17, 22, 23}};
    const std::vector<Window> remote = {{0, 3, 12, 15}, {1, 4, 13, 16},  {2, 5, 14, 17},
                                        {6, 9, 18, 21}, {7, 10, 19, 22}, {8, 11, 20, 23}};
    EXPECT_EQ(windows_of(close_windows(grid, counts)), close);
    EXPECT_EQ(windows_of(remote_windows(grid, counts)), remote);
}

TEST(WindowLayout, DividedGridsFollowTheFormulas) {
    const std::vector<std::pair<Grid, Pattern>> cases = {{{6, 8, 12}, {3, 2, 4}},
                                                         {{6, 8, 12}, {1, 8, 3}},
                                                         {{2, 3, 5}, {2, 3, 5}},
                                                         {{7, 4, 9}, {7, 1, 1}},
                                                         {{4, 6, 8}, {1, 1, 1}}};
    for (const auto& [grid, counts] : cases) {
        EXPECT_EQ(windows_of(close_windows(grid, counts)), divided(grid, counts, true)) << grid << ' ' << counts;
        EXPECT_EQ(windows_of(remote_windows(grid, counts)), divided(grid, counts, false)) << grid << ' ' << counts;
    }
}

TEST(WindowLayout, PublishedPatternsFollowTheFormulas) {
    for (const int64_t cell : {16, 32}) {
        const WindowLayout layout = published_layout(cell).value();
        for (const Pattern& counts : layout.patterns) {
            EXPECT_EQ(windows_of(close_windows(layout.grid, counts)), divided(layout.grid, counts, true)) << counts;
            EXPECT_EQ(windows_of(remote_windows(layout.grid, counts)), divided(layout.grid, counts, false)) << counts;
        }
    }
}

TEST(WindowLayout, RaggedGridsFollowTheDefinitions) {
    for (const auto& [g, n] : kRagged) {
        for (const bool close : {true, false}) {
            const auto windows = windows_of(close ? close_windows(g, n) : remote_windows(g, n));
            ASSERT_EQ(static_cast<int64_t>(windows.size()), n.t * n.h * n.w);
            for (int64_t token = 0; token < g.tokens(); ++token) {
                const int64_t t = token / (g.h * g.w), h = token / g.w % g.h, w = token % g.w;
                const int64_t i = close ? close_part(t, g.t, n.t) : remote_part(t, n.t);
                const int64_t j = close ? close_part(h, g.h, n.h) : remote_part(h, n.h);
                const int64_t k = close ? close_part(w, g.w, n.w) : remote_part(w, n.w);
                const Window& window = windows[static_cast<size_t>((i * n.h + j) * n.w + k)];
                EXPECT_EQ(std::ranges::count(window, token), 1) << g << ' ' << n << " token " << token;
            }
        }
    }
}

TEST(WindowLayout, EveryTokenStandsInOneWindow) {
    for (const auto& [grid, counts] : kRagged) {
        for (ops::TokenWindows windows : {close_windows(grid, counts), remote_windows(grid, counts)}) {
            EXPECT_EQ(windows.starts.front(), 0);
            EXPECT_EQ(windows.starts.back(), grid.tokens());
            std::ranges::sort(windows.order);
            std::vector<int64_t> all(static_cast<size_t>(grid.tokens()));
            std::iota(all.begin(), all.end(), 0);
            EXPECT_EQ(windows.order, all);
        }
    }
}

TEST(WindowLayout, PartsOfAnAxisDifferByAtMostOne) {
    for (int64_t extent = 1; extent <= 25; ++extent) {
        for (int64_t count = 1; count <= extent; ++count) {
            const Grid grid{1, 1, extent};
            for (const auto& windows : {close_windows(grid, {1, 1, count}), remote_windows(grid, {1, 1, count})}) {
                for (const Window& window : windows_of(windows)) {
                    const auto size = static_cast<int64_t>(window.size());
                    EXPECT_GE(size, extent / count);
                    EXPECT_LE(size, (extent + count - 1) / count);
                }
            }
        }
    }
}

// The rule is stated on counts; here it is held against the partitions themselves.
TEST(WindowLayout, BranchesCoincideWhereThePartitionsAreEqual) {
    for (const Grid& g : {Grid{3, 4, 5}, Grid{1, 6, 2}, Grid{4, 1, 4}}) {
        for (int64_t t = 1; t <= g.t; ++t)
            for (int64_t h = 1; h <= g.h; ++h)
                for (int64_t w = 1; w <= g.w; ++w) {
                    const Pattern n{t, h, w};
                    const bool equal = partition_of(close_windows(g, n)) == partition_of(remote_windows(g, n));
                    EXPECT_EQ(branches_coincide(g, n), equal) << g << ' ' << n;
                    EXPECT_EQ(layer_windows(g, n).size(), equal ? 1U : 2U) << g << ' ' << n;
                }
    }
}

TEST(WindowLayout, OneBranchAlone) {
    const Grid grid{3, 8, 12};
    const auto alone = [&](Branches branches) {
        const LayerWindows windows = layer_windows(grid, {1, 4, 6, {0, 1, 1}, branches});
        EXPECT_EQ(windows.size(), 1U);
        return windows.at(0).order;
    };
    EXPECT_EQ(alone(Branches::close), close_windows(grid, {1, 4, 6, {0, 1, 1}}).order);
    EXPECT_EQ(alone(Branches::remote), remote_windows(grid, {1, 4, 6}).order);
    EXPECT_EQ(plan_layout({3, 8, 24}, {grid, {{1, 4, 6, {}, Branches::close}}}).layout.patterns,
              (std::vector<Pattern>{{1, 4, 12, {}, Branches::close}}));
    EXPECT_EQ(concat(Pattern{1, 4, 6, {}, Branches::remote}), "1x4x6 remote");
}

TEST(WindowLayout, OneWindowPerFrameIsTheSameInBothBranches) {
    for (const int64_t cell : {16, 32}) {
        const WindowLayout layout = published_layout(cell).value();
        const auto close = close_windows(layout.grid, layout.patterns[0]),
                   remote = remote_windows(layout.grid, layout.patterns[0]);
        EXPECT_EQ(close.order, remote.order);
        EXPECT_EQ(close.starts, remote.starts);
    }
}

TEST(WindowLayout, PublishedTables) {
    const WindowLayout wan21 = published_layout(16).value(), wan22 = published_layout(32).value();
    EXPECT_EQ(wan21.grid, (Grid{21, 136, 240}));
    EXPECT_EQ(wan21.patterns, (std::vector<Pattern>{{21, 1, 1}, {1, 17, 30}, {1, 8, 40}, {3, 17, 8}, {7, 8, 6}}));
    EXPECT_EQ(wan22.grid, (Grid{21, 68, 120}));
    EXPECT_EQ(wan22.patterns, (std::vector<Pattern>{{21, 1, 1}, {1, 17, 20}, {1, 17, 6}, {3, 4, 15}, {7, 4, 8}}));
    for (const int64_t cell : {0, 8, 17, 64}) EXPECT_FALSE(published_layout(cell)) << cell;
    // Tokens of a window, as published.
    EXPECT_EQ(windows_of(close_windows(wan21.grid, wan21.patterns[2])).front().size(), 2142U);
    EXPECT_EQ(windows_of(remote_windows(wan22.grid, wan22.patterns[4])).front().size(), 765U);
}

TEST(WindowLayout, ScoredPairsAreCounted) {
    auto cases = kRagged;
    cases.push_back({{6, 8, 12}, {3, 2, 4}});
    cases.push_back({{6, 8, 12}, {6, 1, 1}});
    cases.push_back({{2, 3, 5}, {1, 1, 1}});
    cases.push_back({{6, 7, 12}, {3, 2, 4, {1, 1, 2}, Branches::close}});
    cases.push_back({{6, 7, 12}, {3, 2, 4, {1, 1, 2}, Branches::remote}});
    for (const auto& [grid, counts] : cases) {
        double pairs = 0;
        for (const auto& branch : layer_windows(grid, counts)) {
            for (const Window& window : windows_of(branch)) pairs += double(window.size()) * double(window.size());
        }
        EXPECT_EQ(scored_pairs(grid, counts), pairs) << grid << ' ' << counts;
    }
}

// TFLOP of one layer's scores and weighted sums, 4 * width per pair, to the two decimals of the published table.
TEST(WindowLayout, PublishedFlops) {
    const auto check = [](int64_t cell, double width, double full, const std::vector<double>& expected) {
        const WindowLayout layout = published_layout(cell).value();
        const double scale = 4 * width / 1e12;
        EXPECT_NEAR(scale * scored_pairs(layout.grid, {1, 1, 1}), full, 0.005);
        ASSERT_EQ(layout.patterns.size(), expected.size());
        for (size_t i = 0; i < expected.size(); ++i) {
            EXPECT_NEAR(scale * scored_pairs(layout.grid, layout.patterns[i]), expected[i], 0.005) << i;
        }
    };
    check(16, 1536, 2886.62, {137.46, 11.32, 18.04, 14.15, 17.18});
    check(32, 3072, 360.83, {17.18, 2.12, 7.08, 4.01, 3.22});
}

TEST(WindowLayout, LayersTakePatternsInTurn) {
    const WindowLayout layout{{2, 4, 6}, {{2, 1, 1}, {1, 2, 3}, {1, 4, 2}}};
    Context ctx;
    const LayoutWindows all_windows(ctx, layout);
    EXPECT_EQ(all_windows.grid(), layout.grid);
    for (int64_t layer = 0; layer < 7; ++layer) {
        const Pattern& counts = layout.patterns[static_cast<size_t>(layer % 3)];
        EXPECT_EQ(layout.of_layer(layer), counts);
        const LayerWindows expected = layer_windows(layout.grid, counts);
        ASSERT_EQ(all_windows.of_layer(layer).size(), expected.size());
        for (size_t branch = 0; branch < expected.size(); ++branch) {
            EXPECT_EQ(all_windows.of_layer(layer)[branch].order, expected[branch].order);
            EXPECT_EQ(all_windows.of_layer(layer)[branch].starts, expected[branch].starts);
        }
    }
}

TEST(WindowLayout, FullAttentionIsOneWindow) {
    const WindowLayout layout = full_attention({3, 4, 5});
    EXPECT_EQ(layout.patterns, std::vector<Pattern>{Pattern{}});
    const LayerWindows windows = layer_windows(layout.grid, layout.of_layer(17));
    ASSERT_EQ(windows.size(), 1U);
    EXPECT_EQ(windows[0].starts, (std::vector<int64_t>{0, 60}));
}

TEST(WindowLayout, CountsMustFitTheGrid) {
    using testing::expect_invalid;
    Context ctx;
    for (const Pattern& counts : {Pattern{0, 1, 1}, {1, -1, 1}, {3, 1, 1}, {1, 5, 1}, {1, 1, 7}}) {
        expect_invalid(
            [&] {
                check_layout({{2, 4, 6}, {{1, 1, 1}, counts}}, "here");
            },
            {"here: pattern 1 asks for " + concat(counts), "2x4x6"});
        expect_invalid([&] { LayoutWindows(ctx, {{2, 4, 6}, {counts}}); }, {"2x4x6"});
    }
    expect_invalid([&] { check_layout({{2, 4, 6}, {}}, "here"); }, {"here: no window counts"});
    expect_invalid([&] { check_layout({{2, 0, 6}, {{1, 1, 1}}}, "here"); }, {"here: grid 2x0x6"});
    check_layout({{2, 4, 6}, {{1, 1, 1}, {2, 4, 6}}}, "here");
}

}  // namespace
}  // namespace t3video::t3
