// Gradients of matrix products against double loops and differences: factors, sums, every form of a weight.
#include <gtest/gtest.h>

#include "ops/linear.h"
#include "support/gradients.h"

namespace t3video {
namespace {

using namespace testing;

struct ProductCase {
    int64_t rows, in, out;
};

// y[rows, out] = x[rows, in] w[out, in]^T
Doubles product(const Doubles& x, const Doubles& w, const ProductCase& c) {
    Doubles y;
    for (int64_t i = 0; i < c.rows; ++i) {
        for (int64_t o = 0; o < c.out; ++o) {
            double sum = 0;
            for (int64_t k = 0; k < c.in; ++k) sum += x[size_t(i * c.in + k)] * w[size_t(o * c.in + k)];
            y.push_back(sum);
        }
    }
    return y;
}

// [columns, rows] of x[rows, columns]
Doubles transposed(const Doubles& x, int64_t columns) {
    Doubles y;
    for (int64_t c = 0; c < columns; ++c) {
        for (size_t at = size_t(c); at < x.size(); at += size_t(columns)) y.push_back(x[at]);
    }
    return y;
}

// factor * x, added to `start` where there is one.
Doubles entered(Doubles x, double factor, const Doubles& start = {}) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = factor * x[i] + (start.empty() ? 0 : start[i]);
    return x;
}

class LinearBackward : public ::testing::TestWithParam<ProductCase> {
  protected:
    const ProductCase c = GetParam();
    Context ctx{2};
    const Tensor x = randn(ctx, {c.rows, c.in}, 1), dy = randn(ctx, {c.rows, c.out}, 2);

    // Calls check(numbers, weight) for each form in which a weight may come.
    void for_each_weight(const std::function<void(const Doubles&, const ops::Weight&)>& check) {
        for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
            SCOPED_TRACE(concat(dtype));
            const Tensor w = randn(ctx, {c.out, c.in}, 3, dtype);
            const ops::Prepared once = ops::prepare(ctx, w, ops::Role::matrix);
            for (const ops::Weight& form : {ops::Weight(w), ops::Weight(once)}) check(doubles(ctx, w), form);
            check(doubles(ctx, w), w.reshape({c.out, c.in, 1, 1, 1}));
        }
    }
};

// What is not added to need not be a number.
TEST_P(LinearBackward, OfTheInput) {
    const Tensor start = randn(ctx, {c.rows, c.in}, 4);
    for_each_weight([&](const Doubles& w, const ops::Weight& weight) {
        const Doubles expected = product(doubles(ctx, dy), transposed(w, c.in), {c.rows, c.out, c.in});
        Tensor dx = filled(ctx, {c.rows, c.in}, NAN), scaled = clone(ctx, dx), sum = clone(ctx, start);
        ops::linear_backward_into(ctx, dy, weight, {}, dx);
        EXPECT_LT(relative_error(dx, expected), 2e-6);
        ops::linear_backward_into(ctx, dy, weight, {.factor = -0.75f}, scaled);
        EXPECT_LT(relative_error(scaled, entered(expected, -0.75)), 2e-6);
        ops::linear_backward_into(ctx, dy, weight, {.factor = 0.5f, .add = true}, sum);
        EXPECT_LT(relative_error(sum, entered(expected, 0.5, doubles(ctx, start))), 2e-6);
        Tensor again = clone(ctx, start);
        ops::linear_backward_into(ctx, dy, weight, {.factor = 0.5f, .add = true}, again);
        EXPECT_TRUE(same_bits(again, sum));
    });
}

TEST_P(LinearBackward, MatchesDifferences) {
    const Tensor w = randn(ctx, {c.out, c.in}, 3), bias = randn(ctx, {c.out}, 4);
    const Forward forward = [&](const std::vector<Doubles>& at) {
        Doubles y = product(at[0], at[1], c);
        for (size_t i = 0; i < y.size(); ++i) y[i] += at[2][i % size_t(c.out)];
        return y;
    };
    Tensor dx = empty(ctx, {c.rows, c.in}), dw = zeros(ctx, {c.out, c.in}), db = zeros(ctx, {c.out});
    ops::linear_backward_into(ctx, dy, w, {}, dx);
    ops::add_weight_gradient(ctx, dy, x, 1.0f, dw);
    ops::add_column_sums(ctx, dy, db);
    const std::vector<Doubles> at = {doubles(ctx, x), doubles(ctx, w), doubles(ctx, bias)};
    expect_gradient(forward, at, 0, doubles(ctx, dy), dx);
    expect_gradient(forward, at, 1, doubles(ctx, dy), dw);
    expect_gradient(forward, at, 2, doubles(ctx, dy), db);
}

TEST_P(LinearBackward, OfTheWeight) {
    const Tensor start = randn(ctx, {c.out, c.in}, 4);
    const Doubles expected =
        product(transposed(doubles(ctx, dy), c.out), transposed(doubles(ctx, x), c.in), {c.out, c.rows, c.in});
    for (const float factor : {1.0f, -0.125f}) {
        Tensor dw = clone(ctx, start), again = clone(ctx, start);
        ops::add_weight_gradient(ctx, dy, x, factor, dw);
        EXPECT_LT(relative_error(dw, entered(expected, factor, doubles(ctx, start))), 2e-6);
        ops::add_weight_gradient(ctx, dy, x, factor, again);
        EXPECT_TRUE(same_bits(again, dw));
    }
}

TEST_P(LinearBackward, OfTheBias) {
    const Tensor start = randn(ctx, {c.out}, 4);
    Doubles expected = doubles(ctx, start);
    const Doubles d = doubles(ctx, dy);
    for (size_t i = 0; i < d.size(); ++i) expected[i % size_t(c.out)] += d[i];
    Tensor db = clone(ctx, start), again = clone(ctx, start);
    ops::add_column_sums(ctx, dy, db);
    EXPECT_LT(relative_error(db, expected), 2e-6);
    ops::add_column_sums(ctx, dy, again);
    EXPECT_TRUE(same_bits(again, db));
}

// The forward that adds, as of a low-rank step beside a weight.
TEST_P(LinearBackward, ProductEntersItsResult) {
    const Tensor start = randn(ctx, {c.rows, c.out}, 4);
    for_each_weight([&](const Doubles& w, const ops::Weight& weight) {
        const Doubles expected = product(doubles(ctx, x), w, c);
        Tensor y = filled(ctx, {c.rows, c.out}, NAN), sum = clone(ctx, start);
        ops::product_into(ctx, x, weight, {.factor = 1.5f}, y);
        EXPECT_LT(relative_error(y, entered(expected, 1.5)), 2e-6);
        ops::product_into(ctx, x, weight, {.factor = -2.0f, .add = true}, sum);
        EXPECT_LT(relative_error(sum, entered(expected, -2, doubles(ctx, start))), 2e-6);
    });
}

INSTANTIATE_TEST_SUITE_P(Cases, LinearBackward,
                         ::testing::Values(ProductCase{1, 1, 1}, ProductCase{5, 1, 3}, ProductCase{7, 33, 5},
                                           ProductCase{1, 96, 257}, ProductCase{65, 96, 31}, ProductCase{3, 257, 1},
                                           ProductCase{130, 64, 96}));

TEST(LinearBackwardAxes, LeadingOnesAreRows) {
    Context ctx;
    const Tensor dy = randn(ctx, {2, 3, 5}, 1), x = randn(ctx, {2, 3, 4}, 2), w = randn(ctx, {5, 4}, 3);
    Tensor dx = empty(ctx, {2, 3, 4}), flat = empty(ctx, {6, 4}), dw[] = {zeros(ctx, {5, 4}), zeros(ctx, {5, 4})},
           db[] = {zeros(ctx, {5}), zeros(ctx, {5})};
    ops::linear_backward_into(ctx, dy, w, {}, dx);
    ops::linear_backward_into(ctx, dy.reshape({6, 5}), w, {}, flat);
    ops::add_weight_gradient(ctx, dy, x, 1, dw[0]);
    ops::add_weight_gradient(ctx, dy.reshape({6, 5}), x.reshape({6, 4}), 1, dw[1]);
    ops::add_column_sums(ctx, dy, db[0]);
    ops::add_column_sums(ctx, dy.reshape({6, 5}), db[1]);
    EXPECT_TRUE(same_bits(dx.reshape({6, 4}), flat) && same_bits(dw[0], dw[1]) && same_bits(db[0], db[1]));
}

TEST(LinearBackwardShapes, AreChecked) {
    Context ctx;
    const Tensor dy = zeros(ctx, {3, 5}), x = zeros(ctx, {3, 4}), w = zeros(ctx, {5, 4}), fewer = zeros(ctx, {2, 4});
    Tensor short_dx = zeros(ctx, {2, 4}), wide_dx = zeros(ctx, {3, 5}), dw = zeros(ctx, {4, 4}), db = zeros(ctx, {4});
    EXPECT_THROW(ops::linear_backward_into(ctx, dy, w, {}, short_dx), Error);
    EXPECT_THROW(ops::linear_backward_into(ctx, dy, w, {}, wide_dx), Error);
    EXPECT_THROW(ops::add_weight_gradient(ctx, dy, fewer, 1, dw), Error);
    EXPECT_THROW(ops::add_weight_gradient(ctx, dy, x, 1, dw), Error);
    EXPECT_THROW(ops::add_column_sums(ctx, dy, db), Error);
    EXPECT_THROW(ops::product_into(ctx, x, w, {}, short_dx), Error);
}

}  // namespace
}  // namespace t3video
