// Normalisations against double loops over odd widths.
#include "ops/norm.h"

#include <gtest/gtest.h>

#include <array>

#include "ops/layout.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

// Applies `row` to each row of x in double.
std::vector<double> by_rows(const std::vector<double>& x, int64_t width,
                            const std::function<std::vector<double>(std::vector<double>, int64_t)>& row) {
    std::vector<double> y;
    for (size_t first = 0; first < x.size(); first += size_t(width)) {
        const auto part = row({x.begin() + long(first), x.begin() + long(first) + width}, int64_t(first) / width);
        y.insert(y.end(), part.begin(), part.end());
    }
    return y;
}

double mean_square(const std::vector<double>& x) {
    double sum = 0;
    for (double v : x) sum += v * v;
    return sum / double(x.size());
}

std::vector<double> standardised(std::vector<double> x, double eps) {
    double mean = 0;
    for (double v : x) mean += v / double(x.size());
    for (double& v : x) v -= mean;
    const double rstd = 1 / std::sqrt(mean_square(x) + eps);
    for (double& v : x) v *= rstd;
    return x;
}

class Norm : public ::testing::TestWithParam<int64_t> {};

TEST_P(Norm, Rms) {
    const int64_t width = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, {5, width}, 1), w = randn(ctx, {width}, 2, DType::bf16);
    const auto dw = doubles(ctx, w);
    const auto expected = by_rows(doubles(ctx, x), width, [&](std::vector<double> r, int64_t) {
        const double rstd = 1 / std::sqrt(mean_square(r) + 1e-6);
        for (size_t i = 0; i < r.size(); ++i) r[i] *= rstd * dw[i];
        return r;
    });
    EXPECT_LT(relative_error(ops::rms_norm(ctx, x, w, 1e-6f), expected), 1e-6);
}

TEST_P(Norm, Layer) {
    const int64_t width = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, {5, width}, 1), w = randn(ctx, {width}, 2), b = randn(ctx, {width}, 3, DType::f16);
    const auto dw = doubles(ctx, w), db = doubles(ctx, b);
    const auto expected = by_rows(doubles(ctx, x), width, [&](std::vector<double> r, int64_t) {
        r = standardised(r, 1e-6);
        for (size_t i = 0; i < r.size(); ++i) r[i] = r[i] * dw[i] + db[i];
        return r;
    });
    EXPECT_LT(relative_error(ops::layer_norm(ctx, x, w, b, 1e-6f), expected), 1e-6);
}

TEST_P(Norm, ModulateTakesItsSetByToken) {
    const int64_t width = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, {5, width}, 1), scale = randn(ctx, {2, width}, 2), shift = randn(ctx, {2, width}, 3);
    const auto ds = doubles(ctx, scale), db = doubles(ctx, shift);
    const auto expected = by_rows(doubles(ctx, x), width, [&](std::vector<double> r, int64_t row) {
        r = standardised(r, 1e-6);
        const size_t set = row < 2 ? 0 : size_t(width);
        for (size_t i = 0; i < r.size(); ++i) r[i] = r[i] * (1 + ds[set + i]) + db[set + i];
        return r;
    });
    EXPECT_LT(relative_error(ops::norm_modulate(ctx, {x}, scale, shift, 2, 1e-6f), expected), 1e-6);
}

TEST_P(Norm, ModulateFollowsTokens) {
    const int64_t width = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, {6, width}, 1), scale = randn(ctx, {2, width}, 2), shift = randn(ctx, {2, width}, 3);
    const Tensor order = from_span(ctx, std::array<int64_t, 4>{5, 0, 3, 2});
    const auto dx = doubles(ctx, x), ds = doubles(ctx, scale), db = doubles(ctx, shift);
    std::vector<double> expected;
    for (const int64_t row : order.span<int64_t>()) {
        const auto r = standardised({dx.begin() + row * width, dx.begin() + (row + 1) * width}, 1e-6);
        const size_t set = row < 3 ? 0 : size_t(width);
        for (size_t i = 0; i < r.size(); ++i) expected.push_back(r[i] * (1 + ds[set + i]) + db[set + i]);
    }
    const Tensor copied = ops::gather_rows(ctx, x, order.span<int64_t>());
    for (const ops::Rows& rows : {ops::Rows{x, order, {order}}, ops::Rows{copied, {}, {order}}}) {
        const Tensor y = ops::norm_modulate(ctx, rows, scale, shift, 3, 1e-6f);
        EXPECT_EQ(y.shape(), Shape({4, width}));
        EXPECT_LT(relative_error(y, expected), 1e-6);
    }
    // Rows that follow one another are counted from their first token.
    const Tensor last = ops::norm_modulate(ctx, {x.slice(2, 6), {}, {.first = 2}}, scale, shift, 3, 1e-6f);
    EXPECT_EQ(relative_error(last, ops::norm_modulate(ctx, {x}, scale, shift, 3, 1e-6f).slice(2, 6)), 0);
}

TEST_P(Norm, Channel) {
    const int64_t width = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, {3, 2, 2, width}, 1), g = randn(ctx, {width, 1, 1, 1}, 2);
    const auto dg = doubles(ctx, g);
    for (const bool silu : {false, true}) {
        const auto expected = by_rows(doubles(ctx, x), width, [&](std::vector<double> r, int64_t) {
            const double factor = 1 / std::sqrt(mean_square(r));
            for (size_t i = 0; i < r.size(); ++i) {
                r[i] *= factor * dg[i];
                if (silu) r[i] /= 1 + std::exp(-r[i]);
            }
            return r;
        });
        EXPECT_LT(relative_error(ops::channel_norm(ctx, x, g, silu), expected), 1e-6);
    }
}

INSTANTIATE_TEST_SUITE_P(Widths, Norm, ::testing::Values(2, 7, 16, 33, 96, 1536));

TEST(Modulate, RejectsOrdersOfRowsThatAreNotThere) {
    Context ctx;
    const Tensor x = zeros(ctx, {3, 4}), sets = zeros(ctx, {1, 4});
    for (const int64_t row : {-1, 3}) {
        const Tensor order = from_span(ctx, std::array{int64_t{0}, row});
        EXPECT_THROW(ops::norm_modulate(ctx, {x, order}, sets, sets, 0, 1e-6f), Error);
    }
    const Tensor fractions = zeros(ctx, {3});
    EXPECT_THROW(ops::norm_modulate(ctx, {x, fractions}, sets, sets, 0, 1e-6f), Error);
}

TEST(ChannelNorm, ZeroStaysZero) {
    Context ctx;
    const Tensor y = ops::channel_norm(ctx, zeros(ctx, {2, 5}), randn(ctx, {5}, 1), false);
    for (const float v : y.span<float>()) EXPECT_EQ(v, 0.0f);
}

}  // namespace
}  // namespace t3video
