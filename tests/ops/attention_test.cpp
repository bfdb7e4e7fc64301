// Streaming attention against a softmax in double: odd sizes, biases, windows of unequal size, large scores.
#include "ops/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

using Bias = std::function<double(int64_t head, int64_t query, int64_t key)>;

// Row `query` of head `head` over the keys listed; token matrices have `heads * width` columns.
std::vector<double> softmax_row(const std::vector<double>& q, const std::vector<double>& k,
                                const std::vector<double>& v, int64_t heads, int64_t width, int64_t value_width,
                                double scale, int64_t head, int64_t query, const std::vector<int64_t>& keys,
                                const Bias& bias) {
    std::vector<double> scores;
    for (const int64_t key : keys) {
        double dot = 0;
        for (int64_t c = 0; c < width; ++c) {
            dot += q[size_t((query * heads + head) * width + c)] * k[size_t((key * heads + head) * width + c)];
        }
        scores.push_back(dot * scale + (bias ? bias(head, query, key) : 0));
    }
    const double top = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& s : scores) sum += s = std::exp(s - top);
    std::vector<double> out(static_cast<size_t>(value_width));
    for (size_t j = 0; j < keys.size(); ++j) {
        for (int64_t c = 0; c < value_width; ++c) {
            out[size_t(c)] += scores[j] / sum * v[size_t((keys[j] * heads + head) * value_width + c)];
        }
    }
    return out;
}

struct AttentionCase {
    int64_t queries, keys, heads, width, value_width;
    float spread;  // of q: large ones make the softmax sharp and move the running maximum
};

class Attention : public ::testing::TestWithParam<AttentionCase> {};

TEST_P(Attention, MatchesDouble) {
    const AttentionCase c = GetParam();
    Context ctx;
    Tensor q = randn(ctx, {c.queries, c.heads * c.width}, 1);
    for (float& value : q.span<float>()) value *= c.spread;
    const Tensor k = randn(ctx, {c.keys, c.heads * c.width}, 2), v = randn(ctx, {c.keys, c.heads * c.value_width}, 3);
    const int64_t last_key_count = 1 + c.keys % 7;
    const bool square = c.queries == c.keys;
    const Tensor relative = randn(ctx, {c.heads, 2 * c.queries - 1}, 5);
    const float scale = 1 / std::sqrt(float(c.width));
    const Tensor y = ops::attention(ctx, q, k, v,
                                    {.heads = c.heads,
                                     .scale = scale,
                                     .last_key_count = last_key_count,
                                     .relative_bias = square ? &relative : nullptr});

    const auto dq = doubles(ctx, q), dk = doubles(ctx, k), dv = doubles(ctx, v);
    const auto bias = [&](int64_t head, int64_t query, int64_t key) {
        const double r = square ? relative.data<float>()[head * (2 * c.queries - 1) + key - query + c.queries - 1] : 0;
        return r + (key == c.keys - 1 ? std::log(double(last_key_count)) : 0.0);
    };
    std::vector<int64_t> keys(static_cast<size_t>(c.keys));
    std::iota(keys.begin(), keys.end(), 0);
    std::vector<double> expected;
    for (int64_t i = 0; i < c.queries; ++i) {
        for (int64_t h = 0; h < c.heads; ++h) {
            const auto row = softmax_row(dq, dk, dv, c.heads, c.width, c.value_width, scale, h, i, keys, bias);
            expected.insert(expected.end(), row.begin(), row.end());
        }
    }
    EXPECT_LT(relative_error(y, expected), 5e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, Attention,
                         ::testing::Values(AttentionCase{1, 1, 1, 1, 1, 1}, AttentionCase{5, 3, 2, 7, 7, 1},
                                           AttentionCase{129, 300, 3, 48, 48, 1}, AttentionCase{70, 70, 2, 16, 16, 8},
                                           AttentionCase{33, 515, 1, 24, 40, 30},
                                           AttentionCase{260, 260, 1, 12, 12, 1}));

// Windows of unequal sizes over a shuffled order.
ops::TokenWindows shuffled(int64_t tokens, std::vector<int64_t> starts, uint32_t seed) {
    ops::TokenWindows windows{std::vector<int64_t>(static_cast<size_t>(tokens)), std::move(starts)};
    std::iota(windows.order.begin(), windows.order.end(), 0);
    std::shuffle(windows.order.begin(), windows.order.end(), std::mt19937(seed));
    return windows;
}

TEST(WindowAttention, AveragesBranches) {
    Context ctx;
    const int64_t tokens = 310, heads = 2, width = 12;
    const Tensor q = randn(ctx, {tokens, heads * width}, 1), k = randn(ctx, {tokens, heads * width}, 2),
                 v = randn(ctx, {tokens, heads * width}, 3);
    const auto a = shuffled(tokens, {0, 1, 150, 310}, 7), b = shuffled(tokens, {0, 290, 297, 310}, 8);
    const auto dq = doubles(ctx, q), dk = doubles(ctx, k), dv = doubles(ctx, v);
    const auto reference = [&](std::vector<const ops::TokenWindows*> branches) {
        std::vector<double> out(size_t(tokens * heads * width));
        for (const auto* branch : branches) {
            for (size_t w = 0; w + 1 < branch->starts.size(); ++w) {
                const std::vector<int64_t> ids(branch->order.begin() + branch->starts[w],
                                               branch->order.begin() + branch->starts[w + 1]);
                for (const int64_t query : ids) {
                    for (int64_t h = 0; h < heads; ++h) {
                        const auto row = softmax_row(dq, dk, dv, heads, width, width, 0.3, h, query, ids, nullptr);
                        for (int64_t c = 0; c < width; ++c) {
                            out[size_t((query * heads + h) * width + c)] += row[size_t(c)] / double(branches.size());
                        }
                    }
                }
            }
        }
        return out;
    };
    EXPECT_LT(relative_error(ops::window_attention(ctx, q, k, v, heads, 0.3f, std::array{&a, &b}), reference({&a, &b})),
              2e-6);
    EXPECT_LT(relative_error(ops::window_attention(ctx, q, k, v, heads, 0.3f, std::array{&b}), reference({&b})), 2e-6);
}

TEST(WindowAttention, OneWindowEqualsAttention) {
    Context ctx;
    const Tensor q = randn(ctx, {97, 32}, 1), k = randn(ctx, {97, 32}, 2), v = randn(ctx, {97, 32}, 3);
    const auto all = shuffled(97, {0, 97}, 9);
    EXPECT_LT(relative_error(ops::window_attention(ctx, q, k, v, 2, 0.25f, std::array{&all}),
                             ops::attention(ctx, q, k, v, {.heads = 2, .scale = 0.25f})),
              2e-6);
}

TEST(Attention, SameBitsOnAnyThreadCount) {
    Context one(1), two(2);
    const Tensor q = randn(one, {300, 64}, 1), k = randn(one, {300, 64}, 2), v = randn(one, {300, 64}, 3);
    const Tensor a = ops::attention(one, q, k, v, {.heads = 4, .scale = 0.25f});
    const Tensor b = ops::attention(two, q, k, v, {.heads = 4, .scale = 0.25f});
    EXPECT_TRUE(std::ranges::equal(a.span<float>(), b.span<float>()));
}

}  // namespace
}  // namespace t3video
