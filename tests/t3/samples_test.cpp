// Windows of several samples: those of each, none across two.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/errors.h"
#include "t3/window_layout.h"

namespace t3video::t3 {
namespace {

using namespace testing;

const std::pair<Grid, Pattern> kLayouts[] = {
    {{3, 5, 7}, {2, 2, 3}}, {{3, 5, 7}, {1, 1, 1}}, {{3, 5, 8}, {3, 1, 1}},
    {{2, 3, 4}, {2, 3, 4}}, {{5, 4, 3}, {2, 1, 1}}, {{5, 7, 11}, {2, 3, 4, {1, 1, 0}}},
    {{3, 4, 6}, {1, 2, 3}}, {{1, 1, 1}, {1, 1, 1}},
};

using Windows = std::multiset<std::vector<int64_t>>;

// Each window's tokens, ascending.
Windows tokens_of(const ops::TokenWindows& windows, const Tensor* row_order, int64_t shift) {
    Windows all;
    for (size_t w = 1; w < windows.starts.size(); ++w) {
        std::vector<int64_t> tokens;
        for (int64_t i = windows.starts[w - 1]; i < windows.starts[w]; ++i) {
            const int64_t row = windows.order[static_cast<size_t>(i)];
            tokens.push_back(shift + (row_order ? row_order->data<int64_t>()[row] : row));
        }
        std::ranges::sort(tokens);
        all.insert(tokens);
    }
    return all;
}

TEST(SampleWindows, AreThoseOfEachSample) {
    Context ctx;
    for (const auto& [grid, pattern] : kLayouts) {
        for (const RowOrder order : {RowOrder::tokens, RowOrder::windows}) {
            for (const int64_t samples : {1, 2, 5}) {
                SCOPED_TRACE(concat(grid, " in ", pattern, ", ", samples, " samples"));
                const LayoutWindows one(ctx, {grid, {pattern}}, order), all(ctx, {grid, {pattern}}, order, samples);
                EXPECT_EQ(all.samples(), samples);
                ASSERT_EQ(all.of_layer(0).size(), one.of_layer(0).size());
                EXPECT_EQ(all.row_order(0) != nullptr, one.row_order(0) != nullptr);
                for (size_t b = 0; b < all.of_layer(0).size(); ++b) {
                    const ops::TokenWindows& windows = all.of_layer(0)[b];
                    EXPECT_EQ(windows.in_order, one.of_layer(0)[b].in_order);
                    Windows expected;
                    for (int64_t s = 0; s < samples; ++s)
                        expected.merge(tokens_of(one.of_layer(0)[b], one.row_order(0), s * grid.tokens()));
                    EXPECT_EQ(tokens_of(windows, all.row_order(0), 0), expected) << b;
                    const auto [tokens, longest, shortest, pairs] = one.of_layer(0)[b].sizes();
                    EXPECT_EQ(windows.sizes().tokens, samples * tokens);
                    EXPECT_EQ(windows.sizes().longest, longest);
                    EXPECT_EQ(windows.sizes().shortest, shortest);
                    EXPECT_EQ(windows.sizes().pairs, double(samples) * pairs);
                }
                if (!all.row_order(0)) continue;
                // Rows of a sample lie where its tokens do, each sample's in the same order.
                for (int64_t row = 0; row < samples * grid.tokens(); ++row) {
                    const int64_t n = grid.tokens(), token = all.row_order(0)->data<int64_t>()[row];
                    ASSERT_EQ(token, row / n * n + one.row_order(0)->data<int64_t>()[row % n]);
                }
            }
        }
    }
}

// Windows that are gathered come in few sizes, one size of all samples behind another.
TEST(SampleWindows, OfTheSecondBranchAreSortedBySize) {
    Context ctx;
    const LayoutWindows windows(ctx, {{5, 7, 11}, {{2, 3, 4}}}, RowOrder::windows, 3);
    const std::vector<int64_t>& starts = windows.of_layer(0).at(1).starts;
    for (size_t w = 2; w < starts.size(); ++w) EXPECT_LE(starts[w] - starts[w - 1], starts[w - 1] - starts[w - 2]);
}

TEST(SampleWindows, HaveSizesWhereNothingIsComputed) {
    Context ctx;
    for (const auto& [grid, pattern] : kLayouts) {
        for (const Device target : {Device::cpu, Device::cuda}) {
            SCOPED_TRACE(concat(grid, " in ", pattern));
            Context meta = make_meta_context(DType::bf16, target);
            const LayoutWindows counted(meta, {grid, {pattern}}, 4),
                listed(ctx, {grid, {pattern}}, suitable_order(meta), 4);
            ASSERT_EQ(counted.of_layer(0).size(), listed.of_layer(0).size());
            EXPECT_EQ(counted.row_order(0) != nullptr, listed.row_order(0) != nullptr);
            if (counted.row_order(0)) {
                EXPECT_EQ(counted.row_order(0)->shape(), listed.row_order(0)->shape());
            }
            for (size_t b = 0; b < counted.of_layer(0).size(); ++b) {
                const ops::WindowSizes a = counted.of_layer(0)[b].sizes(), l = listed.of_layer(0)[b].sizes();
                EXPECT_TRUE(a.tokens == l.tokens && a.longest == l.longest && a.shortest == l.shortest &&
                            a.pairs == l.pairs)
                    << b;
                EXPECT_EQ(counted.of_layer(0)[b].in_order, listed.of_layer(0)[b].in_order) << b;
            }
        }
    }
}

TEST(SampleWindows, AreOneSampleOrMoreAndNotTooMany) {
    Context ctx = make_meta_context(DType::f32, Device::cpu);
    const WindowLayout layout = full_attention({16, 1024, 1024});
    LayoutWindows(ctx, layout, 16);
    expect_invalid([&] { LayoutWindows(ctx, layout, 17); }, {"17 samples of 16777216 tokens", "268435456"});
    expect_invalid([&] { LayoutWindows(ctx, layout, 0); }, {"0 samples"});
}

}  // namespace
}  // namespace t3video::t3
