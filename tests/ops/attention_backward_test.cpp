// Gradients of attention against the formula and differences in double: odd sizes, keys that stand for several, sharp
// softmaxes, windows in any order.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "ops/attention.h"
#include "ops/layout.h"
#include "support/plain_attention.h"

namespace t3video {
namespace {

using namespace testing;

// What rounding allows: probabilities come from scores that are rounded to 6e-8 of their size, and dp - mean cancels.
// Both grow with `spread`, that of the scores.
double bound(float spread) {
    return spread * 5e-6;
}

// relative_error holds the norm and the worst row; both differences and the formula, which check one another.
void expect_gradients(Context& ctx, const PlainAttention& plain, const std::array<Tensor, 3>& operands,
                      const Tensor& dy, const std::array<Tensor, 3>& gradients, float spread) {
    const std::vector<Doubles> at = {doubles(ctx, operands[0]), doubles(ctx, operands[1]), doubles(ctx, operands[2])};
    const Doubles d = doubles(ctx, dy);
    const auto expected = plain.gradients(at[0], at[1], at[2], d);
    for (size_t i = 0; i < 3; ++i) {
        SCOPED_TRACE(concat("gradient of ", "qkv"[i]));
        if (dot(expected[i], expected[i]) > 0) {
            EXPECT_LT(relative_error(gradients[i], expected[i]), bound(spread));
        }
        expect_gradient(plain.forward(), at, i, d, gradients[i], std::max(bound(spread), kGradientBound));
    }
}

struct AttentionCase {
    int64_t queries, keys, heads, width, value_width, last_key_count;
    float spread;  // of q
};

class AttentionBackward : public ::testing::TestWithParam<AttentionCase> {};

TEST_P(AttentionBackward, MatchesDouble) {
    const AttentionCase c = GetParam();
    Context ctx(2), alone(1);
    Tensor q = randn(ctx, {c.queries, c.heads * c.width}, 1);
    for (float& value : q.span<float>()) value *= c.spread;
    const Tensor k = randn(ctx, {c.keys, c.heads * c.width}, 2), v = randn(ctx, {c.keys, c.heads * c.value_width}, 3),
                 dy = randn(ctx, {c.queries, c.heads * c.value_width}, 4), k_start = randn(ctx, k.shape(), 5),
                 v_start = randn(ctx, v.shape(), 6);
    const ops::AttentionOptions options{
        .heads = c.heads, .scale = 1 / std::sqrt(float(c.width)), .last_key_count = c.last_key_count};
    Tensor dk = zeros(ctx, k.shape()), dv = zeros(ctx, v.shape()), dk_sum = clone(ctx, k_start),
           dv_sum = clone(ctx, v_start);
    const Tensor dq = ops::attention_backward(ctx, q, k, v, dy, options, dk, dv);
    EXPECT_EQ(dq.shape(), q.shape());

    PlainAttention plain{size_t(c.heads), size_t(c.width), size_t(c.value_width), double{options.scale}, {}};
    plain.set_keys(size_t(c.queries), size_t(c.keys), [](size_t, size_t) { return true; });
    for (auto& keys : plain.keys) keys.back().count = double(c.last_key_count);
    expect_gradients(ctx, plain, {q, k, v}, dy, {dq, dk, dv}, c.spread);

    // Added to what is there; the same bits again, on one thread too.
    EXPECT_TRUE(same_bits(ops::attention_backward(ctx, q, k, v, dy, options, dk_sum, dv_sum), dq));
    for (const auto& [sum, start, fresh] : {std::array{dk_sum, k_start, dk}, {dv_sum, v_start, dv}}) {
        Doubles expected = doubles(ctx, start);
        for (size_t i = 0; i < expected.size(); ++i) expected[i] += double{fresh.span<float>()[i]};
        EXPECT_LT(relative_error(sum, expected), 2e-6);
    }
    Tensor dk_again = zeros(ctx, k.shape()), dv_again = zeros(ctx, v.shape());
    ops::attention_backward(alone, q, k, v, dy, options, dk_again, dv_again);
    EXPECT_TRUE(same_bits(dk_again, dk) && same_bits(dv_again, dv));
}

INSTANTIATE_TEST_SUITE_P(Cases, AttentionBackward,
                         ::testing::Values(AttentionCase{1, 1, 1, 1, 1, 1, 1}, AttentionCase{1, 1, 1, 3, 3, 9, 1},
                                           AttentionCase{5, 3, 2, 7, 7, 1, 1}, AttentionCase{5, 3, 2, 7, 7, 9, 1},
                                           AttentionCase{1, 33, 1, 16, 16, 9, 1}, AttentionCase{7, 33, 3, 12, 12, 1, 4},
                                           AttentionCase{70, 130, 2, 24, 40, 9, 1},
                                           AttentionCase{129, 65, 2, 96, 96, 9, 1},
                                           AttentionCase{70, 70, 2, 16, 16, 1, 8},
                                           AttentionCase{33, 257, 1, 128, 128, 9, 1}));

// A last key that counts nine times has the gradients of nine equal rows, added up.
TEST(AttentionBackwardLastKey, StandsForEqualRows) {
    Context ctx(2);
    const int64_t keys = 6, width = 32;
    const Tensor q = randn(ctx, {11, width}, 1), k = randn(ctx, {keys, width}, 2), v = randn(ctx, {keys, width}, 3),
                 dy = randn(ctx, {11, width}, 4);
    std::vector<int64_t> rows = {0, 1, 2, 3, 4};
    rows.resize(5 + 9, 5);
    const Tensor many_k = ops::gather_rows(ctx, k, rows), many_v = ops::gather_rows(ctx, v, rows);
    Tensor dk = zeros(ctx, k.shape()), dv = zeros(ctx, v.shape()), many_dk = zeros(ctx, many_k.shape()),
           many_dv = zeros(ctx, many_v.shape());
    const Tensor dq = ops::attention_backward(ctx, q, k, v, dy, {.heads = 2, .scale = 0.25f, .last_key_count = 9}, dk,
                                              dv),
                 many_dq = ops::attention_backward(ctx, q, many_k, many_v, dy, {.heads = 2, .scale = 0.25f}, many_dk,
                                                   many_dv);
    EXPECT_LT(relative_error(dq, many_dq), 2e-6);
    for (const auto& [few, many] : {std::pair(dk, many_dk), {dv, many_dv}}) {
        Doubles expected(size_t(keys * width));
        for (size_t i = 0; i < size_t(many.numel()); ++i) {
            expected[size_t(rows[i / width] * width) + i % width] += double{many.span<float>()[i]};
        }
        EXPECT_LT(relative_error(few, expected), 2e-6);
    }
}

// Windows of unequal sizes over a shuffled order.
ops::TokenWindows shuffled(int64_t tokens, std::vector<int64_t> starts, uint32_t seed) {
    ops::TokenWindows windows{std::vector<int64_t>(static_cast<size_t>(tokens)), std::move(starts)};
    std::iota(windows.order.begin(), windows.order.end(), 0);
    std::shuffle(windows.order.begin(), windows.order.end(), std::mt19937(seed));
    return windows;
}

PlainAttention masked(const ops::TokenWindows& windows, int64_t heads, int64_t width, float scale) {
    std::vector<size_t> window_of(windows.order.size());
    for (size_t w = 0; w + 1 < windows.starts.size(); ++w) {
        for (int64_t i = windows.starts[w]; i < windows.starts[w + 1]; ++i)
            window_of[size_t(windows.order[size_t(i)])] = w;
    }
    PlainAttention plain{size_t(heads), size_t(width), size_t(width), double{scale}, {}};
    plain.set_keys(window_of.size(), window_of.size(),
                   [&](size_t i, size_t j) { return window_of[i] == window_of[j]; });
    return plain;
}

TEST(WindowAttentionBackward, AveragesBranches) {
    Context ctx(2);
    const int64_t tokens = 131, heads = 2, width = 12;
    const float scale = 0.3f;
    const Tensor q = randn(ctx, {tokens, heads * width}, 1), k = randn(ctx, {tokens, heads * width}, 2),
                 v = randn(ctx, {tokens, heads * width}, 3), dy = randn(ctx, {tokens, heads * width}, 4);
    const auto a = shuffled(tokens, {0, 1, 60, 131}, 7), b = shuffled(tokens, {0, 100, 107, 131}, 8);
    for (const auto& branches : {std::vector{&a, &b}, std::vector{&b}}) {
        SCOPED_TRACE(concat(branches.size(), " branches"));
        ops::AttentionSaved saved;
        ops::window_attention(ctx, q, k, v, heads, scale, branches, &saved);
        const auto backward = [&](bool deterministic) {
            return ops::window_attention_backward(ctx, q, k, v, dy, {heads, scale, branches, saved, deterministic});
        };
        std::array<Doubles, 3> expected;
        for (Doubles& d : expected) d.resize(size_t(q.numel()));
        for (const ops::TokenWindows* branch : branches) {
            const auto part = masked(*branch, heads, width, scale)
                                  .gradients(doubles(ctx, q), doubles(ctx, k), doubles(ctx, v), doubles(ctx, dy));
            for (size_t t = 0; t < 3; ++t) {
                for (size_t i = 0; i < part[t].size(); ++i) expected[t][i] += part[t][i] / double(branches.size());
            }
        }
        for (const bool deterministic : {false, true}) {
            const ops::AttentionGradients d = backward(deterministic);
            EXPECT_LT(relative_error(d.q, expected[0]), bound(1));
            EXPECT_LT(relative_error(d.k, expected[1]), bound(1));
            EXPECT_LT(relative_error(d.v, expected[2]), bound(1));
        }
        const ops::AttentionGradients one = backward(true), two = backward(true);
        EXPECT_TRUE(same_bits(one.q, two.q) && same_bits(one.k, two.k) && same_bits(one.v, two.v));
    }
}

TEST(WindowAttentionBackward, OneWindowEqualsAttention) {
    Context ctx(2);
    const Tensor q = randn(ctx, {97, 32}, 1), k = randn(ctx, {97, 32}, 2), v = randn(ctx, {97, 32}, 3),
                 dy = randn(ctx, {97, 32}, 4);
    const auto all = shuffled(97, {0, 97}, 9);
    const ops::TokenWindows* const one[] = {&all};
    ops::AttentionSaved saved;
    ops::window_attention(ctx, q, k, v, 2, 0.25f, one, &saved);
    const auto d = ops::window_attention_backward(ctx, q, k, v, dy, {2, 0.25f, one, saved, true});
    Tensor dk = zeros(ctx, k.shape()), dv = zeros(ctx, v.shape());
    const Tensor dq = ops::attention_backward(ctx, q, k, v, dy, {.heads = 2, .scale = 0.25f}, dk, dv);
    EXPECT_LT(relative_error(d.q, dq), bound(1));
    EXPECT_LT(relative_error(d.k, dk), bound(1));
    EXPECT_LT(relative_error(d.v, dv), bound(1));
}

TEST(AttentionBackwardShapes, AreChecked) {
    Context ctx;
    const Tensor q = zeros(ctx, {3, 4}), k = zeros(ctx, {2, 4}), bias = zeros(ctx, {1, 5});
    Tensor d = zeros(ctx, {2, 4}), narrow = zeros(ctx, {2, 3}), square = zeros(ctx, {3, 4});
    EXPECT_THROW(ops::attention_backward(ctx, q, k, k, k, {}, d, d), Error);
    EXPECT_THROW(ops::attention_backward(ctx, q, k, k, q, {}, narrow, d), Error);
    EXPECT_THROW(ops::attention_backward(ctx, q, q, q, q, {.relative_bias = &bias}, square, square), Error);
    const auto all = shuffled(3, {0, 3}, 1);
    const ops::TokenWindows* const one[] = {&all};
    const ops::AttentionSaved nothing;
    EXPECT_THROW(ops::window_attention_backward(ctx, q, q, q, q, {1, 1.0f, one, nothing, true}), Error);
}

}  // namespace
}  // namespace t3video
