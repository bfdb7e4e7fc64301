// Elementwise ops, RoPE and conversions against double formulas, over lengths that leave tails.
#include "ops/elementwise.h"

#include <gtest/gtest.h>

#include <array>

#include "ops/layout.h"
#include "ops/norm.h"
#include "ops/rope.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

class Elementwise : public ::testing::TestWithParam<int64_t> {};

TEST_P(Elementwise, MatchesDouble) {
    const int64_t n = GetParam();
    Context ctx;
    const Tensor a = randn(ctx, {n}, 1), b = randn(ctx, {n}, 2);
    const auto da = doubles(ctx, a), db = doubles(ctx, b);
    const auto each = [&](const std::function<double(double, double)>& f) {
        std::vector<double> y;
        for (size_t i = 0; i < da.size(); ++i) y.push_back(f(da[i], db[i]));
        return y;
    };
    EXPECT_LT(relative_error(ops::add(ctx, a, b), each([](double x, double y) { return x + y; })), 1e-6);
    EXPECT_LT(relative_error(ops::mul(ctx, a, b), each([](double x, double y) { return x * y; })), 1e-6);
    EXPECT_LT(
        relative_error(ops::axpby(ctx, 2.5f, a, -0.5f, b), each([](double x, double y) { return 2.5 * x - 0.5 * y; })),
        1e-6);
    EXPECT_LT(relative_error(ops::silu(ctx, a), each([](double x, double) { return x / (1 + std::exp(-x)); })), 1e-6);
    EXPECT_LT(relative_error(ops::gelu_tanh(ctx, a), each([](double x, double) {
                                 return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
                             })),
              1e-6);
    EXPECT_LT(relative_error(ops::soft_clamp(ctx, a, 0.75f),
                             each([](double x, double) { return 0.75 * std::tanh(x / 0.75); })),
              1e-6);
}

INSTANTIATE_TEST_SUITE_P(Lengths, Elementwise, ::testing::Values(1, 3, 16, 31, 1000, 40001));

TEST(Elementwise, ActivationsAreFiniteAtTheEnds) {
    Context ctx;
    const Tensor x = from_span(ctx, std::vector<float>{-200.0f, -20.0f, 0.0f, 20.0f, 200.0f}, {5});
    const Tensor silu = ops::silu(ctx, x), gelu = ops::gelu_tanh(ctx, x);
    for (const Tensor* y : {&silu, &gelu}) {
        EXPECT_NEAR(y->data<float>()[0], 0.0f, 1e-6f);
        EXPECT_EQ(y->data<float>()[2], 0.0f);
        EXPECT_NEAR(y->data<float>()[4], 200.0f, 1e-4f);
    }
}

TEST(Elementwise, SoftClampStaysWithinItsBound) {
    Context ctx;
    const Tensor x = from_span(ctx, std::vector<float>{-1e30f, -100.0f, 0.0f, 100.0f, 1e30f}, {5});
    const Tensor y = ops::soft_clamp(ctx, x, 3);
    const float expected[] = {-3, -3, 0, 3, 3};
    for (int i = 0; i < 5; ++i) EXPECT_NEAR(y.data<float>()[i], expected[i], 1e-6f);
    EXPECT_THROW(ops::soft_clamp(ctx, x, 0), Error);
}

TEST(GatedAdd, TakesItsSetByToken) {
    Context ctx;
    const Tensor x = randn(ctx, {4, 19}, 1), gate = randn(ctx, {2, 19}, 2), h = randn(ctx, {4, 19}, 3);
    const auto dx = doubles(ctx, x), dg = doubles(ctx, gate), dh = doubles(ctx, h);
    std::vector<double> expected;
    for (size_t i = 0; i < dx.size(); ++i) expected.push_back(dx[i] + dg[(i / 19 < 1 ? 0 : 19) + i % 19] * dh[i]);
    ops::Rows y{clone(ctx, x)};
    ops::add_gated_to(ctx, y, gate, h, 1);
    EXPECT_LT(relative_error(y.data, expected), 1e-6);
    ops::Rows later{clone(ctx, x), {}, {.first = 20}};
    ops::add_gated_to(ctx, later, gate, h, 21);
    EXPECT_EQ(relative_error(later.data, y.data), 0);
}

TEST(GatedAdd, GoesToRowsAnywhere) {
    Context ctx;
    const Tensor x = randn(ctx, {5, 19}, 1), gate = randn(ctx, {2, 19}, 2), h = randn(ctx, {3, 19}, 3);
    const Tensor order = from_span(ctx, std::array<int64_t, 3>{4, 0, 2});
    auto expected = doubles(ctx, x);
    const auto dg = doubles(ctx, gate), dh = doubles(ctx, h);
    for (size_t i = 0; i < dh.size(); ++i) {
        const size_t row = size_t(order.data<int64_t>()[i / 19]);
        expected[row * 19 + i % 19] += dg[(row < 2 ? 0 : 19) + i % 19] * dh[i];
    }
    ops::Rows y{clone(ctx, x), order, {order}};
    ops::add_gated_to(ctx, y, gate, h, 2);
    EXPECT_LT(relative_error(y.data, expected), 1e-6);
    ops::Rows copied{ops::gather_rows(ctx, x, order.span<int64_t>()), {}, {order}};
    ops::add_gated_to(ctx, copied, gate, h, 2);
    EXPECT_EQ(relative_error(copied.data, ops::gather_rows(ctx, y.data, order.span<int64_t>())), 0);
    EXPECT_THROW(ops::add_gated_to(ctx, y, gate, randn(ctx, {4, 19}, 3), 2), Error);
    ops::Rows all{y.data};
    EXPECT_THROW(ops::add_gated_to(ctx, all, gate, h, 2), Error);
}

TEST(Affine, ScalesAndShiftsChannels) {
    Context ctx;
    const Tensor x = randn(ctx, {3, 2, 5}, 1), scale = randn(ctx, {5}, 2), shift = randn(ctx, {5}, 3);
    const auto dx = doubles(ctx, x), ds = doubles(ctx, scale), db = doubles(ctx, shift);
    std::vector<double> expected;
    for (size_t i = 0; i < dx.size(); ++i) expected.push_back(dx[i] * ds[i % 5] + db[i % 5]);
    EXPECT_LT(relative_error(ops::affine(ctx, x, scale, shift), expected), 1e-6);
}

TEST(Rope, RotatesNeighbouringPairs) {
    Context ctx;
    const Grid grid{2, 3, 5};
    const int64_t heads = 3, pairs[3] = {3, 2, 2};
    const Tensor x = randn(ctx, {grid.tokens(), heads * 14}, 1);
    const auto angles = [&](int axis, int64_t positions, bool sine) {
        Tensor t = empty(ctx, {positions, pairs[axis]});
        for (int64_t i = 0; i < t.numel(); ++i) {
            const double angle = double(i / pairs[axis]) * std::pow(0.3, double(i % pairs[axis])) + 0.1 * axis;
            t.data<float>()[i] = float(sine ? std::sin(angle) : std::cos(angle));
        }
        return t;
    };
    const ops::RopeTable table{grid,
                               angles(0, 2, false),
                               angles(0, 2, true),
                               angles(1, 3, false),
                               angles(1, 3, true),
                               angles(2, 5, false),
                               angles(2, 5, true)};
    const auto dx = doubles(ctx, x);
    std::vector<double> expected(dx.size());
    for (int64_t token = 0; token < grid.tokens(); ++token) {
        const int64_t position[3] = {token / 15, token / 5 % 3, token % 5};
        for (int64_t head = 0; head < heads; ++head) {
            int64_t pair = 0;
            for (int axis = 0; axis < 3; ++axis) {
                for (int64_t j = 0; j < pairs[axis]; ++j, ++pair) {
                    const double a = double(position[axis]) * std::pow(0.3, double(j)) + 0.1 * axis;
                    const size_t at = size_t((token * heads + head) * 14 + 2 * pair);
                    expected[at] = dx[at] * std::cos(a) - dx[at + 1] * std::sin(a);
                    expected[at + 1] = dx[at] * std::sin(a) + dx[at + 1] * std::cos(a);
                }
            }
        }
    }
    EXPECT_LT(relative_error(ops::rope(ctx, x, table, heads), expected), 1e-6);
}

// The norm first, then each row's rotation as the token it is; against the two ops one after another.
TEST(Rope, NormsAndRotatesSeveralTensorsInAnOrder) {
    Context ctx;
    const Grid grid{2, 3, 5};
    const ops::RopeTable table{grid,
                               randn(ctx, {2, 3}, 1),
                               randn(ctx, {2, 3}, 2),
                               randn(ctx, {3, 2}, 3),
                               randn(ctx, {3, 2}, 4),
                               randn(ctx, {5, 2}, 5),
                               randn(ctx, {5, 2}, 6)};
    const Tensor order = from_span(ctx, std::array<int64_t, 4>{29, 3, 0, 17});
    const Tensor weights[2] = {randn(ctx, {28}, 7), randn(ctx, {28}, 8)};
    Tensor q = randn(ctx, {4, 28}, 9), k = randn(ctx, {4, 28}, 10);
    std::vector<double> expected[2];
    for (int i = 0; i < 2; ++i) {
        const Tensor normed = ops::rms_norm(ctx, i == 0 ? q : k, weights[i], i == 0 ? 1e-6f : 0.5f);
        for (int64_t row = 0; row < 4; ++row) {
            const int64_t token = order.data<int64_t>()[row];
            const auto turned = doubles(ctx, ops::rope(ctx, normed.slice(row, row + 1), table, 2, token));
            expected[i].insert(expected[i].end(), turned.begin(), turned.end());
        }
    }
    Tensor alone = empty_like(ctx, q);
    const ops::NormRope one[] = {{q, &weights[0], 1e-6f, alone}};
    ops::norm_rope_into(ctx, one, table, 2, {order});
    const ops::NormRope both[] = {{q, &weights[0], 1e-6f, q}, {k, &weights[1], 0.5f, k}};
    ops::norm_rope_into(ctx, both, table, 2, {order});
    EXPECT_LT(relative_error(alone, expected[0]), 1e-6);
    EXPECT_LT(relative_error(q, expected[0]), 1e-6);
    EXPECT_LT(relative_error(k, expected[1]), 1e-6);
}

TEST(Rope, RejectsTensorsThatDiffer) {
    Context ctx;
    const Tensor ones = zeros(ctx, {4, 1}), w = zeros(ctx, {6});
    const ops::RopeTable table{{2, 2, 2}, ones, ones, ones, ones, ones, ones};
    Tensor q = zeros(ctx, {3, 6}), k = zeros(ctx, {2, 6}), narrow = zeros(ctx, {5});
    const ops::NormRope unlike[] = {{q, &w, 0, q}, {k, &w, 0, k}}, weight[] = {{q, &narrow, 0, q}},
                        alone[] = {{q, &w, 0, q}};
    EXPECT_THROW(ops::norm_rope_into(ctx, unlike, table, 1), Error);
    EXPECT_THROW(ops::norm_rope_into(ctx, weight, table, 1), Error);
    EXPECT_THROW(ops::norm_rope_into(ctx, alone, table, 1, {.first = 6}), Error);
    const Tensor order = from_span(ctx, std::array<int64_t, 3>{0, 8, 1});
    EXPECT_THROW(ops::norm_rope_into(ctx, alone, table, 1, {order}), Error);
}

}  // namespace
}  // namespace t3video
