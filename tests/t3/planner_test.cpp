// Planned layouts: the published tables, roles on other grids, what options ask for, and what they cost.
#include "t3/planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "support/errors.h"

namespace t3video::t3 {
namespace {

using namespace testing;

WindowLayout table(int64_t cell = 16) {
    return published_layout(cell).value();
}
WindowLayout planned(const Grid& grid, const PlanOptions& options = {}) {
    return plan_layout(grid, table(), options).layout;
}

TEST(Planner, PublishedTablesComeOutExact) {
    for (const int64_t cell : {16, 32}) {
        const PlannedLayout at_home = plan_layout(table(cell).grid, table(cell));
        EXPECT_EQ(at_home.layout, table(cell));
        EXPECT_FALSE(at_home.transposed);
        // Such as a film that plans nothing takes it, even where full attention would be no dearer.
        const WindowLayout own{{1, 2, 4}, {{1, 1, 2}}};
        EXPECT_EQ(plan_layout(own.grid, own).layout, own);
        EXPECT_TRUE(at_home.whole.empty());
    }
}

TEST(Planner, PortraitIsTransposed) {
    const PlannedLayout portrait = plan_layout({21, 240, 136}, table());
    EXPECT_TRUE(portrait.transposed);
    const WindowLayout landscape = table();
    for (size_t i = 0; i < landscape.patterns.size(); ++i) {
        const Pattern &a = landscape.patterns[i], &b = portrait.layout.patterns[i];
        EXPECT_EQ(b, (Pattern{a.t, a.w, a.h})) << i;
    }
    // And back again, shifts with them.
    WindowLayout shifted = portrait.layout;
    shifted.patterns[1].shift = {0, 3, 2};
    const PlannedLayout back = plan_layout(landscape.grid, shifted);
    EXPECT_TRUE(back.transposed);
    EXPECT_EQ(back.layout.patterns[1], (Pattern{1, 17, 30, {0, 2, 3}}));
    EXPECT_EQ(back.layout.patterns[2], landscape.patterns[2]);
    EXPECT_FALSE(plan_layout({21, 100, 100}, table()).transposed);
}

// What a pattern does along an axis holds on every grid: one window, windows of one token, or of about its extent.
TEST(Planner, RolesAndExtentsAreKept) {
    std::mt19937 random(1);
    for (int i = 0; i < 3000; ++i) {
        const auto between = [&](int64_t least, int64_t most) {
            return least + static_cast<int64_t>(random() % static_cast<uint32_t>(most - least + 1));
        };
        const Grid grid{between(1, 70), between(1, 300), between(1, 500)};
        const int64_t cell = i % 2 ? 16 : 32;
        const PlannedLayout p = plan_layout(grid, table(cell));
        check_layout(p.layout, concat(grid));
        const WindowLayout reference = table(cell);
        for (size_t k = 0; k < reference.patterns.size(); ++k) {
            if (std::ranges::count(p.whole, static_cast<int64_t>(k)) > 0) {
                EXPECT_EQ(p.layout.patterns[k], (Pattern{1, 1, 1}));
                continue;
            }
            Grid from = reference.grid;
            Pattern r = reference.patterns[k];
            if (p.transposed) {
                std::swap(from.h, from.w);
                std::swap(r.h, r.w);
            }
            const auto axis = [&](int64_t tokens, int64_t count, int64_t from_tokens, int64_t from_count) {
                if (from_count == 1) {
                    EXPECT_EQ(count, 1);
                    return;
                }
                if (from_count == from_tokens) {
                    EXPECT_EQ(count, tokens);
                    return;
                }
                const double extent = double(from_tokens) / double(from_count);
                const auto off = [&](int64_t n) { return std::abs(std::log(double(tokens) / double(n) / extent)); };
                EXPECT_LE(off(count), off(std::max<int64_t>(1, count - 1)) + 1e-9) << grid;
                EXPECT_LE(off(count), off(std::min(tokens, count + 1)) + 1e-9) << grid;
            };
            const Pattern& n = p.layout.patterns[k];
            axis(grid.t, n.t, from.t, r.t);
            axis(grid.h, n.h, from.h, r.h);
            axis(grid.w, n.w, from.w, r.w);
        }
    }
}

// 1280x720, 81 frames. The paper counts both branches everywhere, and states 30.9 for its own windows of this size.
TEST(Planner, SavingsAt720p) {
    const Grid grid{21, 45, 80};
    const Saving kept = saving(planned(grid), 5);
    EXPECT_GT(kept.as_paper, 17);
    EXPECT_LT(kept.as_paper, 21);
    EXPECT_GT(kept.computed, 21);
    EXPECT_LT(kept.computed, 26);
    const WindowLayout cheaper = planned(grid, {.budget = 30.9});
    EXPECT_EQ(cheaper.patterns[0], (Pattern{21, 1, 1}));
    EXPECT_GE(saving(cheaper, 5).as_paper, 30.9);
    EXPECT_LT(saving(cheaper, 5).as_paper, 34);
}

TEST(Planner, PublishedSavings) {
    EXPECT_NEAR(saving(table(16), 30).as_paper, 43.0, 0.05);
    EXPECT_NEAR(saving(table(16), 30).computed, 72.8, 0.05);
    EXPECT_NEAR(saving(table(32), 30).as_paper, 35.5, 0.05);
    EXPECT_NEAR(saving(table(32), 30).computed, 53.7, 0.05);
    EXPECT_NEAR(saving(full_attention({3, 4, 5}), 7).computed, 1, 1e-12);
}

// Smaller than asked for never; the budget of a larger saving takes no larger windows.
TEST(Planner, BudgetsAreKept) {
    for (const Grid& grid : {Grid{21, 45, 80}, Grid{9, 68, 120}, Grid{21, 136, 240}, Grid{41, 60, 34}}) {
        double before = 0;
        for (const double budget : {1.5, 4.0, 9.0, 15.0}) {
            const double found = saving(planned(grid, {.budget = budget}), 5).as_paper;
            EXPECT_GE(found, budget) << grid;
            EXPECT_GE(found, before) << grid;
            before = found;
        }
    }
    // Whole frames stay: beyond what they leave no window is small enough.
    expect_invalid(
        [] {
            planned({21, 45, 80}, {.budget = 100});
        },
        {"budget 100", "21x45x80", "out of reach", "ask for"});
    for (const double wrong : {0.0, -3.0, std::nan(""), std::numeric_limits<double>::infinity()})
        expect_invalid([&] { planned({21, 45, 80}, {.budget = wrong}); }, {"budget"});
}

TEST(Planner, WindowTokensAreBounded) {
    for (const Grid& grid : {Grid{21, 45, 80}, Grid{61, 136, 240}, Grid{1, 30, 52}}) {
        for (const int64_t most : {1, 7, 21, 60, 500, 1000, 100000}) {
            const WindowLayout layout = planned(grid, {.window_tokens = most});
            check_layout(layout, "planned");
            EXPECT_EQ(layout.patterns[0], (Pattern{grid.t, 1, 1}));
            for (size_t i = 1; i < layout.patterns.size(); ++i)
                EXPECT_LE(window_range(grid, layout.patterns[i]).most, most) << grid << ' ' << layout.patterns[i];
        }
    }
    EXPECT_EQ(planned({21, 45, 80}, {.window_tokens = 100000}), planned({21, 45, 80}));
    // Close windows that are moved are the smaller ones: the bound is for those that are not, too.
    const WindowLayout moved{{5, 16, 28}, {{5, 1, 2, {0, 8, 0}}, {1, 4, 7, {2, 1, 3}}}};
    for (const int64_t most : {1, 2, 50, 120, 223}) {
        for (const Pattern& p : plan_layout(moved.grid, moved, {.window_tokens = most}).layout.patterns)
            EXPECT_LE(largest_window(moved.grid, p), most) << p;
    }
    expect_invalid([] { planned({21, 45, 80}, {.window_tokens = 0}); }, {"window-tokens 0"});
}

// Work per token stops growing with the length once windows have no more latent frames than that.
TEST(Planner, CappedTimeMakesCostLinear) {
    const auto per_token = [](int64_t frames, const PlanOptions& options) {
        const Grid grid{frames, 136, 240};
        const WindowLayout layout = planned(grid, options);
        double pairs = 0;
        for (const Pattern& p : layout.patterns) pairs += scored_pairs(grid, p);
        return pairs / double(grid.tokens());
    };
    const PlanOptions capped{.window_frames = 21};
    EXPECT_EQ(per_token(21, capped), per_token(21, {}));
    for (const int64_t frames : {41, 61, 121, 241}) {
        EXPECT_LE(per_token(frames, capped), per_token(21, {}) * 1.02) << frames;
        EXPECT_GT(per_token(frames, {}), per_token(21, {}) * double(frames) / 21 * 0.2) << frames;
        for (const Pattern& p : planned({frames, 136, 240}, capped).patterns)
            EXPECT_LE((frames + p.t - 1) / p.t, 21) << frames << ' ' << p;
    }
    expect_invalid([] { planned({21, 45, 80}, {.window_frames = 0}); }, {"window-frames 0"});
}

TEST(Planner, CappedFrames) {
    for (const Grid& grid : {Grid{21, 272, 480}, Grid{1, 272, 480}, Grid{5, 480, 272}, Grid{3, 1, 500}}) {
        for (const int64_t most : {1, 97, 5000, 32640, 1000000}) {
            const WindowLayout layout = planned(grid, {.frame_tokens = most});
            check_layout(layout, "planned");
            const Pattern& frames = layout.patterns[0];
            EXPECT_EQ(frames.t, grid.t);
            EXPECT_LE(window_range(grid, frames).most, most) << grid << ' ' << frames;
            // Four windows of 8K frames have 32640 tokens each: no more than that are needed.
            if (grid == Grid{21, 272, 480} && most == 32640) {
                EXPECT_EQ(frames.h * frames.w, 4) << frames;
            }
        }
    }
    expect_invalid([] { planned({21, 45, 80}, {.frame_tokens = -1}); }, {"frame-tokens -1"});
}

TEST(Planner, Schedules) {
    const WindowLayout layout = planned({21, 45, 80}, {.schedule = {1, 2, 1, 0}});
    EXPECT_EQ(layout.patterns, planned({21, 45, 80}).patterns);
    for (const auto& [layer, pattern] : std::map<int64_t, size_t>{{0, 1}, {1, 2}, {3, 0}, {4, 1}, {7, 0}})
        EXPECT_EQ(layout.of_layer(layer), layout.patterns[pattern]) << layer;
    // Half of the layers would be whole frames, and cost what the budget must make good.
    const std::vector<int64_t> frames{0, 1};
    const WindowLayout within = planned({21, 45, 80}, {.budget = 15, .schedule = frames});
    EXPECT_GE(saving(within, 2).as_paper, 15);
    expect_invalid([] { planned({21, 45, 80}, {.schedule = std::vector<int64_t>(2000)}); }, {"2000", "1024"});
    expect_invalid([] { planned({21, 45, 80}, {.schedule = {0, 5}}); }, {"pattern 5", "patterns 0 to 4"});
}

// A pattern whose two branches score no fewer pairs than full attention is full attention.
TEST(Planner, SmallGridsAreAttendedWhole) {
    const PlannedLayout tiny = plan_layout({1, 3, 3}, table());
    EXPECT_EQ(tiny.layout.patterns, std::vector<Pattern>(5, Pattern{1, 1, 1}));
    std::mt19937 random(2);
    for (int i = 0; i < 2000; ++i) {
        const auto upto = [&](uint32_t most) { return 1 + static_cast<int64_t>(random() % most); };
        const Grid grid{upto(6), upto(20), upto(20)};
        const double all = double(grid.tokens()) * double(grid.tokens());
        for (const Pattern& p : planned(grid).patterns)
            EXPECT_TRUE(p == (Pattern{1, 1, 1}) || scored_pairs(grid, p) < all) << grid << ' ' << p;
    }
}

// Geometry alone: grids of more tokens than a machine could list take no longer.
TEST(Planner, AnyGridThatIsAllowed) {
    for (const Grid& grid : {Grid{256, 1024, 1024}, Grid{1, 1, kMostTokens}, Grid{kMostTokens, 1, 1}, Grid{1, 1, 1}}) {
        check_layout(planned(grid), concat(grid));
        check_layout(planned(grid, {.window_tokens = 100, .window_frames = 7, .frame_tokens = 100}), concat(grid));
    }
    expect_invalid([] { planned({257, 1024, 1024}); }, {"257x1024x1024"});
    expect_invalid([] { planned({1, 0, 2}); }, {"1x0x2"});
}

}  // namespace
}  // namespace t3video::t3
