// Gradients of window attention on the windows of t3::LayoutWindows, ragged and moved, against those of full attention
// in double behind a mask: pairs of tokens that share a window by the two rules (support/windows.h).
#include <gtest/gtest.h>

#include "ops/attention.h"
#include "support/plain_attention.h"
#include "support/windows.h"

namespace t3video {
namespace {

using namespace testing;

const WindowCase kCases[] = {
    {{3, 8, 12}, {1, 2, 3}, 2, 32},
    {{3, 5, 7}, {2, 2, 3}, 2, 12},
    {{5, 7, 11}, {2, 3, 4}, 1, 16},
    {{2, 3, 5}, {2, 2, 5}, 1, 64},
    {{1, 1, 601}, {1, 1, 2}, 1, 12},
    {{4, 9, 10}, {1, 4, 3}, 1, 8},
    {{1, 13, 7}, {1, 13, 1}, 1, 128},
    // One branch: a single window, and one for each token, where the softmax has no choice.
    {{3, 5, 7}, {1, 1, 1}, 2, 24},
    {{2, 3, 4}, {2, 3, 4}, 2, 16},
    // Moved.
    {{5, 7, 11}, {2, 3, 4, {1, 1, 0}}, 2, 16},
    {{3, 8, 12}, {1, 2, 3, {2, 3, 1}}, 1, 32},
    {{4, 4, 4}, {3, 3, 3, {0, 0, 0}}, 1, 64},
    {{3, 5, 9}, {3, 1, 2, {0, 4, 3}}, 2, 12},
};

// Full attention of rows that belong to these tokens, where pairs share a close or a remote window.
PlainAttention masked(const WindowCase& c, bool strided, const std::vector<int64_t>& tokens) {
    const Grid& g = c.grid;
    const auto together = [&](int64_t a, int64_t b) {
        return share_a_window(g.t, c.counts.t, c.counts.shift.t, strided, a / (g.h * g.w), b / (g.h * g.w)) &&
               share_a_window(g.h, c.counts.h, c.counts.shift.h, strided, a / g.w % g.h, b / g.w % g.h) &&
               share_a_window(g.w, c.counts.w, c.counts.shift.w, strided, a % g.w, b % g.w);
    };
    PlainAttention plain{size_t(c.heads), size_t(c.width), size_t(c.width), double{c.scale()}, {}};
    plain.set_keys(tokens.size(), tokens.size(), [&](size_t i, size_t j) { return together(tokens[i], tokens[j]); });
    return plain;
}

class PlannedWindowsBackward : public ::testing::TestWithParam<WindowCase> {
  protected:
    // `spread`: of the scores; rounding grows with it. 5e-6 is what dp - mean leaves of f32 at a spread of 1.
    void compare(Context& ctx, float spread) {
        const WindowCase& c = GetParam();
        const t3::LayoutWindows all_windows(ctx, {c.grid, {c.counts}});
        const auto branches = branches_of(all_windows);
        const std::vector<int64_t> tokens = tokens_of_rows(ctx, all_windows);
        Tensor q = randn(ctx, c.shape(), 1);
        for (float& value : q.span<float>()) value *= spread;
        const Tensor k = randn(ctx, c.shape(), 2), v = randn(ctx, c.shape(), 3), dy = randn(ctx, c.shape(), 4);
        ops::AttentionSaved saved;
        ops::window_attention(ctx, q, k, v, c.heads, c.scale(), branches, &saved);
        const auto backward = [&](bool deterministic) {
            return ops::window_attention_backward(ctx, q, k, v, dy,
                                                  {c.heads, c.scale(), branches, saved, deterministic});
        };

        // Both rules where they are one partition too: the mean of a branch with itself.
        const PlainAttention close = masked(c, false, tokens), remote = masked(c, true, tokens);
        const std::vector<Doubles> at = {doubles(ctx, q), doubles(ctx, k), doubles(ctx, v)};
        const Doubles d = doubles(ctx, dy);
        auto expected = close.gradients(at[0], at[1], at[2], d);
        const auto other = remote.gradients(at[0], at[1], at[2], d);
        for (size_t t = 0; t < 3; ++t) {
            for (size_t i = 0; i < d.size(); ++i) expected[t][i] = (expected[t][i] + other[t][i]) / 2;
        }
        const Forward forward = [&](const std::vector<Doubles>& x) {
            Doubles y = close.output(x[0], x[1], x[2]);
            const Doubles strided = remote.output(x[0], x[1], x[2]);
            for (size_t i = 0; i < y.size(); ++i) y[i] = (y[i] + strided[i]) / 2;
            return y;
        };
        for (const bool deterministic : {false, true}) {
            SCOPED_TRACE(deterministic ? "deterministic" : "in any order");
            const ops::AttentionGradients found = backward(deterministic);
            const Tensor* gradients[] = {&found.q, &found.k, &found.v};
            for (size_t t = 0; t < 3; ++t) {
                SCOPED_TRACE(concat("gradient of ", "qkv"[t]));
                // Of windows of one token, q and k have none.
                if (dot(expected[t], expected[t]) > 1e-20) {
                    EXPECT_LT(relative_error(*gradients[t], expected[t]), spread * 5e-6);
                }
                expect_gradient(forward, at, t, d, *gradients[t], spread * kGradientBound);
            }
        }
        const ops::AttentionGradients one = backward(true), two = backward(true);
        EXPECT_TRUE(same_bits(one.q, two.q) && same_bits(one.k, two.k) && same_bits(one.v, two.v));
    }
};

TEST_P(PlannedWindowsBackward, RowsAreTokens) {
    Context ctx(2);
    compare(ctx, 1);
}

// The CPU computes windows in the order that a GPU has them in; of sharp softmaxes.
TEST_P(PlannedWindowsBackward, RowsInTheOrderOfTheFirstBranch) {
    Context ctx({Device::cpu, DType::f32, make_cpu_allocator(), nullptr, Device::cuda}, 2);
    compare(ctx, 8);
}

INSTANTIATE_TEST_SUITE_P(Cases, PlannedWindowsBackward, ::testing::ValuesIn(kCases));

}  // namespace
}  // namespace t3video
