// Gradients of normalisations against differences of double loops: odd widths, rows anywhere, one set and two.
#include <gtest/gtest.h>

#include <array>

#include "ops/layout.h"
#include "ops/norm.h"
#include "support/gradients.h"

namespace t3video {
namespace {

using namespace testing;

struct NormCase {
    int64_t rows, width;
    float eps;
};

// (x - mean) * rstd of each row; the mean of RMS norms is 0.
Doubles normed(Doubles x, int64_t width, bool centred, double eps) {
    for (size_t first = 0; first < x.size(); first += size_t(width)) {
        double mean = 0, square = 0;
        for (int64_t c = 0; centred && c < width; ++c) mean += x[first + size_t(c)] / double(width);
        for (int64_t c = 0; c < width; ++c) square += std::pow(x[first + size_t(c)] - mean, 2) / double(width);
        for (int64_t c = 0; c < width; ++c) {
            x[first + size_t(c)] = (x[first + size_t(c)] - mean) / std::sqrt(square + eps);
        }
    }
    return x;
}

class NormBackward : public ::testing::TestWithParam<NormCase> {
  protected:
    const NormCase c = GetParam();
    Context ctx{2}, alone{1};  // the same bits on one thread
    const Tensor x = randn(ctx, {c.rows, c.width}, 1), dy = randn(ctx, {c.rows, c.width}, 2);
};

TEST_P(NormBackward, Rms) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
        const Tensor w = randn(ctx, {c.width}, 3, dtype), start = randn(ctx, {c.width}, 4);
        const Forward forward = [&](const std::vector<Doubles>& at) {
            Doubles y = normed(at[0], c.width, false, c.eps);
            for (size_t i = 0; i < y.size(); ++i) y[i] *= at[1][i % size_t(c.width)];
            return y;
        };
        Tensor dw = clone(ctx, start), again = clone(ctx, start);
        const Tensor dx = ops::rms_norm_backward(ctx, x, w, c.eps, dy, &dw);
        const std::vector<Doubles> at = {doubles(ctx, x), doubles(ctx, w)};
        expect_gradient(forward, at, 0, doubles(ctx, dy), dx);
        expect_gradient(forward, at, 1, doubles(ctx, dy), added(ctx, dw, start));
        EXPECT_TRUE(same_bits(ops::rms_norm_backward(alone, x, w, c.eps, dy, &again), dx));
        EXPECT_TRUE(same_bits(again, dw));
        EXPECT_TRUE(same_bits(ops::rms_norm_backward(ctx, x, w, c.eps, dy, nullptr), dx));
    }
}

TEST_P(NormBackward, Layer) {
    const Tensor w = randn(ctx, {c.width}, 3), start = randn(ctx, {c.width}, 4), zero = zeros(ctx, {c.width}),
                 lying = randn(ctx, {c.rows, c.width}, 5);
    const Forward forward = [&](const std::vector<Doubles>& at) {
        Doubles y = normed(at[0], c.width, true, c.eps);
        for (size_t i = 0; i < y.size(); ++i) {
            y[i] = y[i] * at[1][i % size_t(c.width)] + at[2][i % size_t(c.width)];
        }
        return y;
    };
    Tensor dw = clone(ctx, start), db = clone(ctx, start), dw_again = clone(ctx, start), db_again = clone(ctx, start);
    ops::Rows dx{clone(ctx, lying)}, dx_again{clone(ctx, lying)}, dx_alone{clone(ctx, lying)};
    ops::layer_norm_backward(ctx, {x}, w, c.eps, dy, dx, &dw, &db);
    const std::vector<Doubles> at = {doubles(ctx, x), doubles(ctx, w), doubles(ctx, zero)};
    expect_gradient(forward, at, 0, doubles(ctx, dy), added(ctx, dx.data, lying));
    expect_gradient(forward, at, 1, doubles(ctx, dy), added(ctx, dw, start));
    expect_gradient(forward, at, 2, doubles(ctx, dy), added(ctx, db, start));

    ops::layer_norm_backward(alone, {x}, w, c.eps, dy, dx_again, &dw_again, &db_again);
    EXPECT_TRUE(same_bits(dx_again.data, dx.data) && same_bits(dw_again, dw) && same_bits(db_again, db));
    ops::layer_norm_backward(ctx, {x}, w, c.eps, dy, dx_alone, nullptr, nullptr);
    EXPECT_TRUE(same_bits(dx_alone.data, dx.data));
    Tensor only = clone(ctx, start);
    ops::layer_norm_backward(ctx, {x}, w, c.eps, dy, dx_alone, nullptr, &only);
    EXPECT_TRUE(same_bits(only, db));
}

// y = n * (1 + scale) + shift, row i as token tokens[i].
Forward modulated(const std::vector<int64_t>& tokens, int64_t width, int64_t sets, int64_t boundary, double eps) {
    return [=](const std::vector<Doubles>& at) {
        Doubles y = normed(at[0], width, true, eps);
        for (size_t i = 0; i < y.size(); ++i) {
            const bool last = tokens[i / size_t(width)] >= boundary && sets == 2;
            const size_t c = (last ? size_t(width) : 0) + i % size_t(width);
            y[i] = y[i] * (1 + at[1][c]) + at[2][c];
        }
        return y;
    };
}

TEST_P(NormBackward, ModulateTakesItsSetByToken) {
    std::vector<int64_t> tokens;
    for (int64_t i = 0; i < c.rows; ++i) tokens.push_back(20 + i);
    for (const int64_t sets : {1, 2}) {
        // Before all rows, within them, behind them.
        for (const int64_t boundary : {int64_t{0}, 20 + (c.rows + 1) / 2, int64_t{1000}}) {
            SCOPED_TRACE(concat(sets, " sets, boundary ", boundary));
            const Tensor scale = randn(ctx, {sets, c.width}, 6), start = randn(ctx, {sets, c.width}, 7),
                         zero = zeros(ctx, {sets, c.width}), lying = randn(ctx, {c.rows, c.width}, 8);
            Tensor dscale = clone(ctx, start), dshift = clone(ctx, start), dscale_again = clone(ctx, start),
                   dshift_again = clone(ctx, start);
            ops::Rows dx{clone(ctx, lying), {}, {.first = 20}}, again{clone(ctx, lying), {}, {.first = 20}};
            const ops::Rows rows{x, {}, {.first = 20}};
            ops::norm_modulate_backward(ctx, rows, scale, boundary, c.eps, dy, dx, &dscale, &dshift);
            const Forward forward = modulated(tokens, c.width, sets, boundary, c.eps);
            const std::vector<Doubles> at = {doubles(ctx, x), doubles(ctx, scale), doubles(ctx, zero)};
            expect_gradient(forward, at, 0, doubles(ctx, dy), added(ctx, dx.data, lying));
            expect_gradient(forward, at, 1, doubles(ctx, dy), added(ctx, dscale, start));
            expect_gradient(forward, at, 2, doubles(ctx, dy), added(ctx, dshift, start));

            ops::norm_modulate_backward(alone, rows, scale, boundary, c.eps, dy, again, &dscale_again, &dshift_again);
            EXPECT_TRUE(same_bits(again.data, dx.data) && same_bits(dscale_again, dscale) &&
                        same_bits(dshift_again, dshift));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, NormBackward,
                         // A row of one element is all mean: what is left needs an eps that counts.
                         ::testing::Values(NormCase{1, 1, 0.5f}, NormCase{3, 1, 0.5f}, NormCase{5, 3, 1e-2f},
                                           NormCase{7, 33, 1e-6f}, NormCase{1, 96, 1e-6f}, NormCase{6, 96, 1e-6f},
                                           NormCase{70, 257, 1e-6f}, NormCase{3, 1536, 1e-6f}));

// x and dx lie together, in an order, or as copies, each in its own way; rows of dx that are not named stay.
TEST(ModulateBackward, FollowsTokensWhereverRowsLie) {
    Context ctx(2);
    const int64_t width = 33;
    const std::vector<int64_t> tokens = {5, 0, 3, 2};
    const Tensor order = from_span(ctx, tokens), x = randn(ctx, {6, width}, 1), scale = randn(ctx, {2, width}, 2),
                 dy = randn(ctx, {4, width}, 3), lying = randn(ctx, {6, width}, 4),
                 copied = ops::gather_rows(ctx, x, tokens), copied_lying = ops::gather_rows(ctx, lying, tokens);
    const Forward forward = modulated(tokens, width, 2, 3, 1e-6);
    const std::vector<Doubles> at = {doubles(ctx, copied), doubles(ctx, scale), Doubles(size_t(2 * width))};
    for (const bool x_anywhere : {false, true}) {
        for (const bool dx_anywhere : {false, true}) {
            SCOPED_TRACE(concat("x anywhere ", x_anywhere, ", dx anywhere ", dx_anywhere));
            const ops::Rows rows = x_anywhere ? ops::Rows{x, order, {order}} : ops::Rows{copied, {}, {order}};
            ops::Rows dx = dx_anywhere ? ops::Rows{clone(ctx, lying), order, {order}}
                                       : ops::Rows{clone(ctx, copied_lying), {}, {order}};
            Tensor dscale = zeros(ctx, {2, width}), dshift = zeros(ctx, {2, width});
            ops::norm_modulate_backward(ctx, rows, scale, 3, 1e-6f, dy, dx, &dscale, &dshift);
            const Tensor named = dx_anywhere ? ops::gather_rows(ctx, dx.data, tokens) : dx.data;
            expect_gradient(forward, at, 0, doubles(ctx, dy), added(ctx, named, copied_lying));
            expect_gradient(forward, at, 1, doubles(ctx, dy), dscale);
            expect_gradient(forward, at, 2, doubles(ctx, dy), dshift);
            for (const int64_t row : {1, 4}) {
                if (!dx_anywhere) continue;
                EXPECT_TRUE(same_bits(dx.data.slice(row, row + 1), lying.slice(row, row + 1))) << row;
            }
        }
    }
}

// The same of a layer norm.
TEST(LayerNormBackward, GoesToRowsAnywhere) {
    Context ctx(2);
    const std::vector<int64_t> tokens = {4, 1};
    const Tensor order = from_span(ctx, tokens), x = randn(ctx, {5, 96}, 1), w = randn(ctx, {96}, 2),
                 dy = randn(ctx, {2, 96}, 3), lying = randn(ctx, {5, 96}, 4);
    ops::Rows anywhere{clone(ctx, lying), order, {order}}, copies{ops::gather_rows(ctx, lying, tokens)};
    Tensor dw[2] = {zeros(ctx, {96}), zeros(ctx, {96})}, db[2] = {zeros(ctx, {96}), zeros(ctx, {96})};
    ops::layer_norm_backward(ctx, {x, order, {order}}, w, 1e-6f, dy, anywhere, &dw[0], &db[0]);
    ops::layer_norm_backward(ctx, {ops::gather_rows(ctx, x, tokens)}, w, 1e-6f, dy, copies, &dw[1], &db[1]);
    EXPECT_TRUE(same_bits(ops::gather_rows(ctx, anywhere.data, tokens), copies.data));
    EXPECT_TRUE(same_bits(dw[0], dw[1]) && same_bits(db[0], db[1]));
    for (const int64_t row : {0, 2, 3}) {
        EXPECT_TRUE(same_bits(anywhere.data.slice(row, row + 1), lying.slice(row, row + 1))) << row;
    }
}

TEST(NormBackwardShapes, AreChecked) {
    Context ctx;
    const Tensor x = zeros(ctx, {3, 4}), w = zeros(ctx, {4}), fewer = zeros(ctx, {2, 4}), sets = zeros(ctx, {3, 4});
    Tensor narrow = zeros(ctx, {3});
    ops::Rows dx{zeros(ctx, {3, 4})}, short_dx{zeros(ctx, {2, 4})};
    EXPECT_THROW(ops::rms_norm_backward(ctx, x, w, 1e-6f, fewer, nullptr), Error);
    EXPECT_THROW(ops::rms_norm_backward(ctx, x, w, 1e-6f, x, &narrow), Error);
    EXPECT_THROW(ops::layer_norm_backward(ctx, {x}, w, 1e-6f, fewer, dx, nullptr, nullptr), Error);
    EXPECT_THROW(ops::layer_norm_backward(ctx, {x}, w, 1e-6f, x, short_dx, nullptr, nullptr), Error);
    EXPECT_THROW(ops::norm_modulate_backward(ctx, {x}, sets, 0, 1e-6f, x, dx, nullptr, nullptr), Error);
}

}  // namespace
}  // namespace t3video
