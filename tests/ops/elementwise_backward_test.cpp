// Gradients of activations, gated additions and patches; rows taken from anywhere.
#include <gtest/gtest.h>

#include <array>

#include "ops/elementwise.h"
#include "ops/layout.h"
#include "support/gradients.h"

namespace t3video {
namespace {

using namespace testing;

double silu(double x) {
    return x / (1 + std::exp(-x));
}
double gelu_tanh(double x) {
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

struct ActivationPair {
    double (*forward)(double);
    Tensor (*backward)(Context&, const Tensor&, const Tensor&);
};
constexpr ActivationPair kActivations[] = {{silu, ops::silu_backward}, {gelu_tanh, ops::gelu_tanh_backward}};

class ActivationBackward : public ::testing::TestWithParam<int64_t> {};

TEST_P(ActivationBackward, MatchesDifferences) {
    Context ctx(2);
    const Tensor x = randn(ctx, {GetParam()}, 1), dy = randn(ctx, {GetParam()}, 2);
    for (const auto& [forward, backward] : kActivations) {
        const auto each = [&](const std::vector<Doubles>& at) {
            Doubles y = at[0];
            for (double& value : y) value = forward(value);
            return y;
        };
        const Tensor dx = backward(ctx, x, dy);
        expect_gradient(each, {doubles(ctx, x)}, 0, doubles(ctx, dy), dx);
        EXPECT_TRUE(same_bits(backward(ctx, x, dy), dx));
    }
}

INSTANTIATE_TEST_SUITE_P(Lengths, ActivationBackward, ::testing::Values(1, 3, 16, 31, 231, 40001));

// Slopes over the whole range, each for itself: those near zero are not hidden by the norm of the others. 1 - s,
// rounded at 6e-8, comes in times x and 2u', 35 in all at 5, where it is last seen.
TEST(ActivationSlopes, HoldEverywhere) {
    Context ctx;
    std::vector<float> values;
    for (float v = -12; v <= 12; v += 0.0625f) values.push_back(v);
    const Tensor x = from_span(ctx, values, {int64_t(values.size())}), ones = filled(ctx, x.shape(), 1);
    for (const auto& [forward, backward] : kActivations) {
        const Tensor slopes = backward(ctx, x, ones);
        for (size_t i = 0; i < values.size(); ++i) {
            const double numeric = (forward(values[i] + kStep) - forward(values[i] - kStep)) / (2 * kStep);
            EXPECT_NEAR(slopes.data<float>()[i], numeric, 4e-6) << values[i];
        }
    }
}

TEST(ActivationSlopes, AreFiniteAtTheEnds) {
    Context ctx;
    const Tensor x = from_span(ctx, std::vector<float>{-1e30f, -200.0f, 0.0f, 200.0f, 1e30f}, {5}),
                 ones = filled(ctx, {5}, 1);
    for (const auto& [forward, backward] : kActivations) {
        const Tensor slopes = backward(ctx, x, ones);
        const float expected[] = {0, 0, 0.5f, 1, 1};
        for (int i = 0; i < 5; ++i) EXPECT_NEAR(slopes.data<float>()[i], expected[i], 1e-6f) << i;
    }
}

struct GateCase {
    int64_t rows, width, sets, boundary;
};

class GatedBackward : public ::testing::TestWithParam<GateCase> {};

// Token i of row i + 20, against the formula and differences.
TEST_P(GatedBackward, TakesItsSetByToken) {
    const GateCase c = GetParam();
    Context ctx(2), alone(1);  // the same bits on one thread
    const Tensor gate = randn(ctx, {c.sets, c.width}, 1), h = randn(ctx, {c.rows, c.width}, 2),
                 dx = randn(ctx, {c.rows, c.width}, 3), start = randn(ctx, {c.sets, c.width}, 4);
    const auto entry = [&](size_t i) {
        const bool last = c.sets == 2 && 20 + int64_t(i) / c.width >= c.boundary;
        return (last ? size_t(c.width) : 0) + i % size_t(c.width);
    };
    const Forward forward = [&](const std::vector<Doubles>& at) {
        Doubles y = at[0];
        for (size_t i = 0; i < y.size(); ++i) y[i] *= at[1][entry(i)];
        return y;
    };
    const ops::Rows rows{dx, {}, {.first = 20}};
    Tensor dgate = clone(ctx, start), again = clone(ctx, start);
    const Tensor dh = ops::add_gated_backward(ctx, rows, gate, h, c.boundary, &dgate);
    const std::vector<Doubles> at = {doubles(ctx, h), doubles(ctx, gate)};
    const Doubles dy = doubles(ctx, dx);
    expect_gradient(forward, at, 0, dy, dh);
    expect_gradient(forward, at, 1, dy, added(ctx, dgate, start));
    Doubles analytic_dh(dy.size()), analytic_dgate = doubles(ctx, start);
    for (size_t i = 0; i < dy.size(); ++i) {
        analytic_dh[i] = at[1][entry(i)] * dy[i];
        analytic_dgate[entry(i)] += dy[i] * at[0][i];
    }
    EXPECT_LT(relative_error(dh, analytic_dh), 1e-7);
    EXPECT_LT(relative_error(dgate, analytic_dgate), 1e-6);

    EXPECT_TRUE(same_bits(ops::add_gated_backward(alone, rows, gate, h, c.boundary, &again), dh));
    EXPECT_TRUE(same_bits(again, dgate));
    EXPECT_TRUE(same_bits(ops::add_gated_backward(ctx, rows, gate, h, c.boundary, nullptr), dh));
}

INSTANTIATE_TEST_SUITE_P(Cases, GatedBackward,
                         ::testing::Values(GateCase{1, 1, 1, 0}, GateCase{1, 3, 2, 21}, GateCase{7, 33, 2, 23},
                                           GateCase{7, 33, 1, 23}, GateCase{6, 96, 2, 0}, GateCase{6, 96, 2, 99},
                                           GateCase{301, 257, 2, 120}, GateCase{3, 1536, 2, 22}));

TEST(GatedBackwardRows, LieAnywhere) {
    Context ctx(2);
    const std::vector<int64_t> tokens = {4, 0, 2};
    const Tensor order = from_span(ctx, tokens), dx = randn(ctx, {5, 19}, 1), gate = randn(ctx, {2, 19}, 2),
                 h = randn(ctx, {3, 19}, 3);
    const Doubles g = doubles(ctx, gate), dh = doubles(ctx, h), d = doubles(ctx, dx);
    Doubles expected, expected_gate(38);
    for (size_t i = 0; i < dh.size(); ++i) {
        const size_t row = size_t(tokens[i / 19]), entry = (row < 2 ? 0 : 19) + i % 19;
        expected.push_back(g[entry] * d[row * 19 + i % 19]);
        expected_gate[entry] += d[row * 19 + i % 19] * dh[i];
    }
    for (const ops::Rows& rows :
         {ops::Rows{dx, order, {order}}, ops::Rows{ops::gather_rows(ctx, dx, tokens), {}, {order}}}) {
        Tensor dgate = zeros(ctx, {2, 19});
        EXPECT_LT(relative_error(ops::add_gated_backward(ctx, rows, gate, h, 2, &dgate), expected), 1e-7);
        EXPECT_LT(relative_error(dgate, expected_gate), 1e-6);
    }
    Tensor narrow = zeros(ctx, {19});
    EXPECT_THROW(ops::add_gated_backward(ctx, {dx}, gate, h, 2, nullptr), Error);
    EXPECT_THROW(ops::add_gated_backward(ctx, {dx, order, {order}}, gate, h, 2, &narrow), Error);
}

TEST(UnpatchifyBackward, IsInverseAndTranspose) {
    Context ctx(2);
    for (const auto& [channels, grid] : {std::pair<int64_t, Grid>{1, {1, 1, 1}}, {3, {2, 3, 5}}, {16, {3, 7, 2}}}) {
        SCOPED_TRACE(concat(channels, " channels of ", grid));
        const Tensor x = randn(ctx, {grid.tokens(), 4 * channels}, 1),
                     dy = randn(ctx, {channels, grid.t, 2 * grid.h, 2 * grid.w}, 2);
        const Tensor dx = ops::unpatchify_backward(ctx, dy);
        EXPECT_TRUE(same_bits(ops::unpatchify_backward(ctx, ops::unpatchify(ctx, x, grid)), x));
        EXPECT_TRUE(same_bits(ops::unpatchify(ctx, dx, grid), dy));
        const Doubles y = doubles(ctx, ops::unpatchify(ctx, x, grid)), d = doubles(ctx, dy), rows = doubles(ctx, x);
        EXPECT_NEAR(dot(y, d), dot(rows, doubles(ctx, dx)), 1e-12 * std::sqrt(dot(y, y) * dot(d, d)));
    }
    EXPECT_THROW(ops::unpatchify_backward(ctx, zeros(ctx, {1, 1, 3, 4})), Error);
}

TEST(TakeRows, ReadsThemWhereTheyLie) {
    Context ctx(2);
    for (const int64_t width : {1, 3, 33, 257}) {
        const Tensor x = randn(ctx, {6, width}, 1);
        const std::vector<int64_t> rows = {5, 0, 3, 2};
        const Tensor order = from_span(ctx, rows);
        EXPECT_TRUE(same_bits(ops::take_rows(ctx, {x}, DType::f32), x));
        EXPECT_TRUE(same_bits(ops::take_rows(ctx, {x, order}, DType::f32), ops::gather_rows(ctx, x, rows)));
    }
    const Tensor outside = from_span(ctx, std::array<int64_t, 2>{0, 6});
    EXPECT_THROW(ops::take_rows(ctx, {zeros(ctx, {6, 2}), outside}, DType::f32), Error);
}

}  // namespace
}  // namespace t3video
