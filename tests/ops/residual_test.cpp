// Residual steps with the norm behind them against double loops, and one after the other.
#include "ops/residual.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "ops/layout.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

// Where the rows lie: all in a row, some of them anywhere, or copies of those one behind another.
enum class Lying { together, anywhere, copied };
constexpr const char* kNames[] = {"together", "anywhere", "copied"};

class AddNorm : public ::testing::TestWithParam<int64_t> {
  protected:
    static constexpr int64_t kRows = 5, kBoundary = 2;
    static constexpr double kEps = 1e-6;

    // Calls op(rows, residual), which adds and norms, for each way of adding. `affine(v, row, c)` is what becomes of
    // the normed value of column c in that row of x.
    template <class Op, class Affine>
    void check(Op&& op, Affine&& affine) {
        const int64_t width = GetParam();
        const Tensor gate = randn(ctx, {2, width}, 1), order = from_span(ctx, std::array<int64_t, 3>{4, 0, 2});
        for (const auto& [gated, lying] :
             {std::pair(false, Lying::together), std::pair(false, Lying::anywhere), std::pair(true, Lying::together),
              std::pair(true, Lying::anywhere), std::pair(true, Lying::copied)}) {
            SCOPED_TRACE(concat(gated ? "gated, " : "", kNames[int(lying)], ", ", width));
            const bool ordered = lying != Lying::together;
            const Tensor x = randn(ctx, {kRows, width}, 2);
            ops::Rows rows{clone(ctx, x)};
            if (ordered) rows = {rows.data, order, {order}};
            if (lying == Lying::copied) rows = {ops::gather_rows(ctx, x, order.span<int64_t>()), {}, {order}};
            const Tensor h = randn(ctx, {ordered ? 3 : kRows, width}, 3);
            auto sums = doubles(ctx, x);
            std::vector<double> norms;
            const auto dg = doubles(ctx, gate), dh = doubles(ctx, h);
            for (int64_t i = 0; i < h.dim(0); ++i) {
                const int64_t row = ordered ? order.data<int64_t>()[i] : i;
                double* sum = sums.data() + row * width;
                double mean = 0, variance = 0;
                for (int64_t c = 0; c < width; ++c) {
                    const double g = gated ? dg[size_t((row < kBoundary ? 0 : width) + c)] : 1.0;
                    sum[c] += g * dh[size_t(i * width + c)];
                    mean += sum[c] / double(width);
                }
                for (int64_t c = 0; c < width; ++c) variance += (sum[c] - mean) * (sum[c] - mean) / double(width);
                for (int64_t c = 0; c < width; ++c) {
                    norms.push_back(affine((sum[c] - mean) / std::sqrt(variance + kEps), row, c));
                }
            }
            const Tensor y = op(rows, {h, gated ? &gate : nullptr});
            EXPECT_EQ(y.shape(), h.shape());
            if (lying == Lying::copied) {
                std::vector<double> copies;
                for (const int64_t row : order.span<int64_t>())
                    copies.insert(copies.end(), sums.begin() + row * width, sums.begin() + (row + 1) * width);
                sums = copies;
            }
            EXPECT_LT(relative_error(rows.data, sums), 1e-6);
            EXPECT_LT(relative_error(y, norms), 1e-6);
        }
    }

    Context ctx;
};

TEST_P(AddNorm, Modulate) {
    const int64_t width = GetParam();
    const Tensor scale = randn(ctx, {2, width}, 5), shift = randn(ctx, {2, width}, 6);
    const auto ds = doubles(ctx, scale), db = doubles(ctx, shift);
    check(
        [&](ops::Rows& x, const ops::Residual& residual) {
            return ops::add_norm_modulate(ctx, x, residual, scale, shift, kBoundary, float(kEps));
        },
        [&](double v, int64_t row, int64_t c) {
            const size_t at = size_t((row < kBoundary ? 0 : width) + c);
            return v * (1 + ds[at]) + db[at];
        });
}

TEST_P(AddNorm, Layer) {
    const int64_t width = GetParam();
    const Tensor weight = randn(ctx, {width}, 5, DType::bf16), bias = randn(ctx, {width}, 6);
    const auto dw = doubles(ctx, weight), db = doubles(ctx, bias);
    check(
        [&](ops::Rows& x, const ops::Residual& residual) {
            return ops::add_layer_norm(ctx, x, residual, weight, bias, kBoundary, float(kEps));
        },
        [&](double v, int64_t, int64_t c) { return v * dw[size_t(c)] + db[size_t(c)]; });
}

INSTANTIATE_TEST_SUITE_P(Widths, AddNorm, ::testing::Values(3, 16, 33, 1536));

TEST(AddNormShapes, AreChecked) {
    Context ctx;
    ops::Rows x{zeros(ctx, {4, 6})};
    const Tensor h = zeros(ctx, {4, 6}), fewer = zeros(ctx, {3, 6}), sets = zeros(ctx, {1, 6}), w = zeros(ctx, {6}),
                 narrow = zeros(ctx, {1, 5}), order = from_span(ctx, std::array<int64_t, 3>{0, 4, 1});
    EXPECT_THROW(ops::add_norm_modulate(ctx, x, {fewer}, sets, sets, 0, 1e-6f), Error);
    EXPECT_THROW(ops::add_norm_modulate(ctx, x, {h, &narrow}, sets, sets, 0, 1e-6f), Error);
    EXPECT_THROW(ops::add_norm_modulate(ctx, x, {h}, sets, narrow, 0, 1e-6f), Error);
    ops::Rows outside{x.data, order};  // row 4 of 4
    EXPECT_THROW(ops::add_norm_modulate(ctx, outside, {fewer}, sets, sets, 0, 1e-6f), Error);
    EXPECT_THROW(ops::add_layer_norm(ctx, x, {h}, w, narrow, 0, 1e-6f), Error);
}

}  // namespace
}  // namespace t3video
