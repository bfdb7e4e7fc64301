// The rotation turned back, and the RMS norm in front of it, against their transposes and differences in double.
#include <gtest/gtest.h>

#include <array>

#include "ops/rope.h"
#include "support/gradients.h"

namespace t3video {
namespace {

using namespace testing;

// Entries of the table are any numbers: what turns back is the transpose, whether or not they are cosines and sines.
constexpr Grid kGrid{2, 3, 5};
constexpr int64_t kPairs[3] = {3, 2, 2}, kHead = 14;

ops::RopeTable make_table(Context& ctx) {
    return {kGrid,
            randn(ctx, {2, 3}, 11),
            randn(ctx, {2, 3}, 12),
            randn(ctx, {3, 2}, 13),
            randn(ctx, {3, 2}, 14),
            randn(ctx, {5, 2}, 15),
            randn(ctx, {5, 2}, 16)};
}

// Each pair (a, b) of row i, as token tokens[i], becomes (a cos - b sin, a sin + b cos); backwards sin has the other
// sign.
Doubles turned(const Doubles& x, int64_t heads, const std::vector<int64_t>& tokens, const ops::RopeTable& table,
               bool backwards) {
    Doubles y(x.size());
    size_t at = 0;
    for (const int64_t token : tokens) {
        const int64_t position[3] = {token / 15, token / 5 % 3, token % 5};
        for (int64_t head = 0; head < heads; ++head) {
            for (int axis = 0; axis < 3; ++axis) {
                const Tensor& cosines = axis == 0 ? table.cos_t : axis == 1 ? table.cos_h : table.cos_w;
                const Tensor& sines = axis == 0 ? table.sin_t : axis == 1 ? table.sin_h : table.sin_w;
                for (int64_t j = 0; j < kPairs[axis]; ++j, at += 2) {
                    const double cosine = cosines.data<float>()[position[axis] * kPairs[axis] + j];
                    const double sine =
                        (backwards ? -1.0 : 1.0) * sines.data<float>()[position[axis] * kPairs[axis] + j];
                    y[at] = x[at] * cosine - x[at + 1] * sine;
                    y[at + 1] = x[at] * sine + x[at + 1] * cosine;
                }
            }
        }
    }
    return y;
}

// operands: x, weight
Forward norm_rope(int64_t heads, std::vector<int64_t> tokens, const ops::RopeTable& table, double eps) {
    return [=](const std::vector<Doubles>& at) {
        const size_t width = size_t(heads * kHead);
        Doubles y = at[0];
        for (size_t first = 0; first < y.size(); first += width) {
            double square = 0;
            for (size_t c = 0; c < width; ++c) square += y[first + c] * y[first + c] / double(width);
            for (size_t c = 0; c < width; ++c) y[first + c] *= at[1][c] / std::sqrt(square + eps);
        }
        return turned(y, heads, tokens, table, false);
    };
}

// Tokens in an order of their own, and consecutive ones from a first on.
struct RopeTokens {
    ops::Tokens given;
    std::vector<int64_t> each;
};

class RopeBackward : public ::testing::TestWithParam<int64_t> {
  protected:
    const int64_t heads = GetParam(), width = heads * kHead;
    Context ctx{2};
    const ops::RopeTable table = make_table(ctx);

    std::vector<RopeTokens> all_tokens() {
        const std::vector<int64_t> order = {29, 3, 0, 17};
        std::vector<int64_t> all(size_t(kGrid.tokens()));
        for (size_t i = 0; i < all.size(); ++i) all[i] = int64_t(i);
        const ops::Tokens listed{from_span(ctx, order)}, from_9{{}, 9}, from_29{{}, 29};
        std::vector<RopeTokens> result;
        result.push_back({listed, order});
        result.push_back({from_9, {9, 10, 11}});
        result.push_back({from_29, {29}});
        result.push_back({ops::Tokens(), all});
        return result;
    }
};

TEST_P(RopeBackward, TurnsBackWithoutAWeight) {
    for (const auto& [given, tokens] : all_tokens()) {
        SCOPED_TRACE(concat(tokens.size(), " tokens from ", tokens[0]));
        const Tensor x = randn(ctx, {int64_t(tokens.size()), width}, 1), dy = randn(ctx, x.shape(), 2);
        Tensor dx = filled(ctx, x.shape(), NAN);
        const ops::NormRopeGradient operand[] = {{x, nullptr, 0.0f, dy, dx, nullptr}};
        ops::norm_rope_backward_into(ctx, operand, table, heads, given);
        EXPECT_LT(relative_error(dx, turned(doubles(ctx, dy), heads, tokens, table, true)), 1e-6);

        Tensor in_place = clone(ctx, dy);
        const ops::NormRopeGradient same[] = {{x, nullptr, 0.0f, in_place, in_place, nullptr}};
        ops::norm_rope_backward_into(ctx, same, table, heads, given);
        EXPECT_TRUE(same_bits(in_place, dx));
    }
}

TEST_P(RopeBackward, NormsInFront) {
    for (const auto& [given, tokens] : all_tokens()) {
        SCOPED_TRACE(concat(tokens.size(), " tokens from ", tokens[0]));
        const Tensor x = randn(ctx, {int64_t(tokens.size()), width}, 1), dy = randn(ctx, x.shape(), 2),
                     w = randn(ctx, {width}, 3), start = randn(ctx, {width}, 4);
        Tensor dx = filled(ctx, x.shape(), NAN), dw = clone(ctx, start);
        const ops::NormRopeGradient operand[] = {{x, &w, 1e-6f, dy, dx, &dw}};
        ops::norm_rope_backward_into(ctx, operand, table, heads, given);
        const Forward forward = norm_rope(heads, tokens, table, 1e-6);
        const std::vector<Doubles> at = {doubles(ctx, x), doubles(ctx, w)};
        expect_gradient(forward, at, 0, doubles(ctx, dy), dx);
        expect_gradient(forward, at, 1, doubles(ctx, dy), added(ctx, dw, start));

        Tensor in_place = clone(ctx, dy), dw_again = clone(ctx, start), alone = clone(ctx, dy);
        const ops::NormRopeGradient same[] = {{x, &w, 1e-6f, in_place, in_place, &dw_again}};
        ops::norm_rope_backward_into(ctx, same, table, heads, given);
        EXPECT_TRUE(same_bits(in_place, dx) && same_bits(dw_again, dw));
        const ops::NormRopeGradient frozen[] = {{x, &w, 1e-6f, alone, alone, nullptr}};
        ops::norm_rope_backward_into(ctx, frozen, table, heads, given);
        EXPECT_TRUE(same_bits(alone, dx));
    }
}

// Several at once give what each gives alone, one of them in place.
TEST_P(RopeBackward, TakesSeveralOperands) {
    const Tensor order = from_span(ctx, std::array<int64_t, 5>{29, 3, 0, 17, 4});
    const float eps[] = {1e-6f, 0.5f};
    const Tensor x[] = {randn(ctx, {5, width}, 1), randn(ctx, {5, width}, 2)},
                 dy[] = {randn(ctx, {5, width}, 3), randn(ctx, {5, width}, 4)},
                 w[] = {randn(ctx, {width}, 5), randn(ctx, {width}, 6)};
    Tensor dx[] = {empty_like(ctx, x[0]), empty_like(ctx, x[1])}, dw[] = {zeros(ctx, {width}), zeros(ctx, {width})};
    for (int i = 0; i < 2; ++i) {
        const ops::NormRopeGradient alone[] = {{x[i], &w[i], eps[i], dy[i], dx[i], &dw[i]}};
        ops::norm_rope_backward_into(ctx, alone, table, heads, {order});
    }
    Tensor first = clone(ctx, dy[0]), second = empty_like(ctx, x[1]),
           dw_both[] = {zeros(ctx, {width}), zeros(ctx, {width})};
    const ops::NormRopeGradient both[] = {{x[0], &w[0], eps[0], first, first, &dw_both[0]},
                                          {x[1], &w[1], eps[1], dy[1], second, &dw_both[1]}};
    ops::norm_rope_backward_into(ctx, both, table, heads, {order});
    EXPECT_TRUE(same_bits(first, dx[0]) && same_bits(dw_both[0], dw[0]));
    EXPECT_TRUE(same_bits(second, dx[1]) && same_bits(dw_both[1], dw[1]));
}

INSTANTIATE_TEST_SUITE_P(Heads, RopeBackward, ::testing::Values(1, 2, 3, 12));

// <R x, y> = <x, R^T y> with the ops themselves.
TEST(RopeBackwardPair, IsTheTransposeOfRope) {
    Context ctx(2);
    const ops::RopeTable table = make_table(ctx);
    const Tensor x = randn(ctx, {30, 28}, 1), y = randn(ctx, {30, 28}, 2);
    Tensor back = empty_like(ctx, y);
    const ops::NormRopeGradient operand[] = {{x, nullptr, 0.0f, y, back, nullptr}};
    ops::norm_rope_backward_into(ctx, operand, table, 2);
    const Doubles dx = doubles(ctx, x), dy = doubles(ctx, y);
    EXPECT_NEAR(dot(doubles(ctx, ops::rope(ctx, x, table, 2)), dy), dot(dx, doubles(ctx, back)),
                1e-6 * std::sqrt(dot(dx, dx) * dot(dy, dy)));
}

TEST(RopeBackwardShapes, AreChecked) {
    Context ctx;
    const ops::RopeTable table = make_table(ctx);
    const Tensor x = zeros(ctx, {3, kHead}), w = zeros(ctx, {kHead});
    Tensor dx = zeros(ctx, {3, kHead}), fewer = zeros(ctx, {2, kHead}), narrow = zeros(ctx, {5});
    const ops::NormRopeGradient unlike[] = {{x, &w, 0, x, fewer, nullptr}},
                                weight[] = {{x, &narrow, 0, x, dx, nullptr}}, gradient[] = {{x, &w, 0, x, dx, &narrow}},
                                good[] = {{x, &w, 0, x, dx, nullptr}};
    EXPECT_THROW(ops::norm_rope_backward_into(ctx, unlike, table, 1), Error);
    EXPECT_THROW(ops::norm_rope_backward_into(ctx, weight, table, 1), Error);
    EXPECT_THROW(ops::norm_rope_backward_into(ctx, gradient, table, 1), Error);
    EXPECT_THROW(ops::norm_rope_backward_into(ctx, good, table, 1, {.first = 28}), Error);
}

}  // namespace
}  // namespace t3video
