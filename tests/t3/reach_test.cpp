// Reach against a walk over lists of windows.
#include "t3/reach.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "t3/planner.h"

namespace t3video::t3 {
namespace {

int64_t index_of(const Grid& g, const Token& at) {
    return (at.t * g.h + at.h) * g.w + at.w;
}
Token token_of(const Grid& g, int64_t i) {
    return {i / (g.h * g.w), i / g.w % g.h, i % g.w};
}

// The window of each token, by branch, of a layer.
std::vector<std::vector<int64_t>> memberships(const Grid& grid, const Pattern& pattern) {
    std::vector<std::vector<int64_t>> all;
    std::vector<ops::TokenWindows> branches;
    if (pattern.branches != Branches::remote) branches.push_back(close_windows(grid, pattern));
    if (pattern.branches != Branches::close) branches.push_back(remote_windows(grid, pattern));
    for (const auto& windows : branches) {
        std::vector<int64_t> window(static_cast<size_t>(grid.tokens()));
        for (size_t w = 0; w + 1 < windows.starts.size(); ++w) {
            for (int64_t i = windows.starts[w]; i < windows.starts[w + 1]; ++i)
                window[static_cast<size_t>(windows.order[static_cast<size_t>(i)])] = static_cast<int64_t>(w);
        }
        all.push_back(window);
    }
    return all;
}

std::vector<bool> walked(const WindowLayout& layout, const Token& token, int64_t layers) {
    const auto n = static_cast<size_t>(layout.grid.tokens());
    std::vector<bool> set(n);
    set[static_cast<size_t>(index_of(layout.grid, token))] = true;
    for (int64_t layer = layers - 1; layer >= 0; --layer) {
        std::vector<bool> next(n);
        for (const auto& window : memberships(layout.grid, layout.of_layer(layer))) {
            for (size_t i = 0; i < n; ++i) {
                for (size_t j = 0; j < n && !next[i]; ++j) next[i] = set[j] && window[i] == window[j];
            }
        }
        set = next;
    }
    return set;
}

TEST(Reach, EqualsAWalkOverTheWindows) {
    std::mt19937 random(3);
    const auto upto = [&](int64_t most) { return static_cast<int64_t>(random() % static_cast<uint32_t>(most)); };
    for (int i = 0; i < 400; ++i) {
        const Grid grid{1 + upto(5), 1 + upto(8), 1 + upto(9)};
        WindowLayout layout{grid, {}};
        for (int k = 0; k < 3; ++k) {
            Pattern p{1 + upto(grid.t), 1 + upto(grid.h), 1 + upto(grid.w)};
            if (k == 1) p.shift = {upto(grid.t / p.t), upto(grid.h / p.h), upto(grid.w / p.w)};
            if (i % 4 == 0) p.branches = static_cast<Branches>(upto(3));
            layout.patterns.push_back(p);
        }
        const Token from = token_of(grid, upto(grid.tokens()));
        for (int64_t layers = 0; layers <= 5; ++layers) {
            const TokenSet set = reached(layout, from, layers);
            const std::vector<bool> expected = walked(layout, from, layers);
            EXPECT_EQ(set.count(), std::ranges::count(expected, true)) << grid << ' ' << layers;
            for (int64_t j = 0; j < grid.tokens(); ++j)
                ASSERT_EQ(set.has(token_of(grid, j)), expected[static_cast<size_t>(j)]) << grid << ' ' << layers;
        }
    }
}

TEST(Reach, OfThePublishedTable) {
    const std::vector<Reach> reach = reach_of(published_layout(16).value());
    ASSERT_EQ(reach.size(), 5U);
    EXPECT_DOUBLE_EQ(reach[0].centre, 1.0 / 21);
    EXPECT_NEAR(reach[0].mean, 1.0 / 21, 1e-12);
    EXPECT_DOUBLE_EQ(reach[1].corner, 1);  // all frames of some rows and columns, then all of these
    EXPECT_NEAR(reach[4].mean, 1, 1e-12);
}

// Of few tokens the mean is over all of them; of many the same seed gives the same ones.
TEST(Reach, Means) {
    const WindowLayout small{{2, 5, 7}, {{1, 2, 3}, {2, 1, 2}}};
    const std::vector<Reach> reach = reach_of(small, 2);
    double sum = 0;
    for (int64_t i = 0; i < 70; ++i) sum += double(reached(small, token_of(small.grid, i), 2).count()) / 70;
    EXPECT_NEAR(reach[1].mean, sum / 70, 1e-12);
    const WindowLayout large = plan_layout({9, 45, 80}, published_layout(16).value(), {.window_frames = 3}).layout;
    EXPECT_EQ(reach_of(large, 2, 5)[1].mean, reach_of(large, 2, 5)[1].mean);
}

}  // namespace
}  // namespace t3video::t3
