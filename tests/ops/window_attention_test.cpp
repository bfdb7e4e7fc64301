// Window attention on the windows of t3::LayoutWindows, in the order of tokens (on a CPU) and in that of the first
// branch's windows (on a GPU), against a double loop over pairs of tokens; and what a backward needs of them.
#include <gtest/gtest.h>

#include <cstring>

#include "ops/attention.h"
#include "support/tensors.h"
#include "support/windows.h"

namespace t3video {
namespace {

using namespace testing;

class PlannedWindows : public ::testing::TestWithParam<WindowCase> {
  protected:
    // `spread`: of the scores. Their rounding grows with it, and with it that of everything behind them.
    void compare(Context& ctx, bool in_windows_order, float spread) {
        const WindowCase& c = GetParam();
        const t3::LayoutWindows all_windows(ctx, {c.grid, {c.counts}});
        const std::vector<int64_t> tokens = tokens_of_rows(ctx, all_windows);
        EXPECT_TRUE(!in_windows_order || first_lies_second_is_gathered(all_windows));
        Tensor q = randn(ctx, c.shape(), 1);
        for (float& value : q.span<float>()) value *= spread;
        const Tensor k = randn(ctx, c.shape(), 2), v = randn(ctx, c.shape(), 3);
        const auto attend = [&](ops::AttentionSaved* saved) {
            return ops::window_attention(ctx, q, k, v, c.heads, c.scale(), branches_of(all_windows), saved);
        };
        const auto expected = plain_branches(c, q, k, v, tokens);
        const Tensor without = attend(nullptr);
        EXPECT_LT(relative_error(without, mean_of(expected)), spread * 2e-6);

        ops::AttentionSaved saved;
        const Tensor y = attend(&saved);
        EXPECT_EQ(std::memcmp(y.raw(), without.raw(), y.bytes()), 0) << "what is saved changes the result";
        ASSERT_EQ(saved.branches.size(), all_windows.of_layer(0).size());
        for (size_t i = 0; i < saved.branches.size(); ++i) {
            SCOPED_TRACE(i);
            const ops::AttentionSaved::Branch& branch = saved.branches[i];
            EXPECT_EQ(branch.output.shape(), c.shape());
            EXPECT_LT(relative_error(branch.output, expected[i].output), spread * 2e-6);
            EXPECT_EQ(branch.log_sum_exp.shape(), Shape({c.heads, c.grid.tokens()}));
            EXPECT_LT(worst_logarithm(branch.log_sum_exp, expected[i].log_sum_exp), spread * 1e-6);
        }
    }
};

TEST_P(PlannedWindows, RowsAreTokens) {
    Context ctx(2);
    compare(ctx, false, 1);
}

// The CPU computes windows in the order that a GPU has them in; of sharp softmaxes, whose running maximum moves.
TEST_P(PlannedWindows, RowsInTheOrderOfTheFirstBranch) {
    Context ctx({Device::cpu, DType::f32, make_cpu_allocator(), nullptr, Device::cuda}, 2);
    compare(ctx, true, 8);
}

INSTANTIATE_TEST_SUITE_P(Cases, PlannedWindows, ::testing::ValuesIn(kWindowCases));

// A run that only counts sees what is saved, and what a library's statistics pass through on a GPU.
TEST(SavedAttention, IsCounted) {
    for (const Device target : {Device::cpu, Device::cuda}) {
        for (const int64_t width : {64, 192}) {  // fused on a GPU, and with scores in memory
            const Grid grid{4, 64, 64};
            const int64_t heads = 2, tokens = grid.tokens();
            const auto peak = [&](const t3::Pattern& counts, bool save) {
                Context ctx = make_meta_context(DType::bf16, target);
                const t3::LayoutWindows all_windows(ctx, {grid, {counts}});
                const Tensor x = empty(ctx, {tokens, heads * width}, DType::bf16);
                ops::AttentionSaved saved;
                ops::window_attention(ctx, x, x, x, heads, 1.0f, branches_of(all_windows), save ? &saved : nullptr);
                return static_cast<int64_t>(ctx.allocator().peak());
            };
            const int64_t output = tokens * heads * width * 2, logarithms = tokens * heads * 4;
            const bool fused = target == Device::cuda && width == 64;
            const int64_t passing = fused ? logarithms : 0;
            // Of a second branch that is fused three gathered tensors are kept, instead of four that come and go.
            const int64_t kept = fused ? 3 * output - 4 * output : 0;
            EXPECT_EQ(peak({2, 2, 2}, true) - peak({2, 2, 2}, false), 2 * (output + logarithms) + kept + passing);
            EXPECT_EQ(peak({1, 1, 1}, true) - peak({1, 1, 1}, false), logarithms + passing);
        }
    }
}

}  // namespace
}  // namespace t3video
