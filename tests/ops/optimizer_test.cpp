// AdamW against its formula in double, with moments in f32 and in 8 bits; norms of gradients, averages, rounding.
#include "ops/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/dynamic_code.h"
#include "support/gradients.h"

namespace t3video {
namespace {

using namespace testing;

TEST(SumOfSquares, MatchesDoubleOverTensors) {
    Context ctx(2), alone(1);
    const Tensor tensors[] = {randn(ctx, {1}, 1), randn(ctx, {7, 33}, 2), randn(ctx, {257, 301}, 3),
                              randn(ctx, {3, 1, 2}, 4)};
    double expected = 0;
    for (const Tensor& x : tensors) expected += dot(doubles(ctx, x), doubles(ctx, x));
    const double sum = ops::sum_of_squares(ctx, tensors);
    EXPECT_NEAR(sum, expected, 1e-6 * expected);
    EXPECT_EQ(ops::sum_of_squares(ctx, tensors), sum);
    EXPECT_EQ(ops::sum_of_squares(alone, tensors), sum);
    EXPECT_EQ(ops::sum_of_squares(ctx, {}), 0);
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
        for (const size_t at : {size_t{0}, size_t{257 * 301 - 1}}) {
            Tensor x = clone(ctx, tensors[2]);
            x.span<float>()[at] = bad;
            EXPECT_FALSE(std::isfinite(ops::sum_of_squares(ctx, std::array{tensors[0], x, tensors[1]}))) << bad;
        }
    }
}

ops::AdamStep step_at(int step) {
    ops::AdamStep s{.rate = 1e-2f, .beta1 = 0.9f, .beta2 = 0.99f, .eps = 1e-8f, .decay = 0.1f, .factor = 0.25f};
    s.correction1 = float(1 - std::pow(double{s.beta1}, step));
    s.correction2 = float(1 - std::pow(double{s.beta2}, step));
    return s;
}

ops::AdamMoment zero_moment(Context& ctx, int64_t n, bool in_8_bits) {
    if (!in_8_bits) return {zeros(ctx, {n}), {}};
    return {zeros(ctx, {n}, DType::u8), zeros(ctx, {(n + ops::kMomentBlock - 1) / ops::kMomentBlock})};
}

Doubles decoded(const ops::AdamMoment& m, const DynamicCode& code) {
    Doubles values;
    for (size_t i = 0; i < size_t(m.values.numel()); ++i) {
        values.push_back(double{m.scales.span<float>()[i / size_t(ops::kMomentBlock)]} *
                         double{code.value[m.values.span<uint8_t>()[i]]});
    }
    return values;
}

// w, m and v of the formula in ops/optimizer.h.
struct PlainAdam {
    Doubles w, m = Doubles(w.size()), v = Doubles(w.size());

    void operator()(const ops::AdamStep& s, const Doubles& gradient) {
        for (size_t i = 0; i < w.size(); ++i) {
            const double g = double{s.factor} * gradient[i], beta1 = s.beta1, beta2 = s.beta2, rate = s.rate;
            m[i] = beta1 * m[i] + (1 - beta1) * g;
            v[i] = beta2 * v[i] + (1 - beta2) * g * g;
            w[i] = w[i] * (1 - rate * double{s.decay}) -
                   rate * (m[i] / double{s.correction1}) / (std::sqrt(v[i] / double{s.correction2}) + double{s.eps});
        }
    }
};

class AdamW : public ::testing::TestWithParam<int64_t> {
  protected:
    const int64_t n = GetParam();
    Context ctx{2};
};

TEST_P(AdamW, MatchesDoubleOverFiveSteps) {
    const Tensor start = randn(ctx, {n}, 1);
    Tensor w = clone(ctx, start), beside = clone(ctx, start), rounded = empty(ctx, {n}, DType::bf16);
    ops::AdamMoment m = zero_moment(ctx, n, false), v = zero_moment(ctx, n, false),
                    m_beside = zero_moment(ctx, n, false), v_beside = zero_moment(ctx, n, false);
    PlainAdam plain{doubles(ctx, start)};
    // Each step rounds at 1e-7; what five of them leave of one element may be a fifth of its terms.
    const double bound = 3e-6;
    for (int step = 1; step <= 5; ++step) {
        const Tensor gradient = randn(ctx, {n}, uint32_t(10 + step));
        ops::adamw(ctx, step_at(step), gradient, w, m, v, &rounded);
        ops::adamw(ctx, step_at(step), gradient, beside, m_beside, v_beside, nullptr);
        plain(step_at(step), doubles(ctx, gradient));
        EXPECT_LT(relative_error(w, plain.w), bound);
        EXPECT_LT(relative_error(m.values, plain.m), bound);
        EXPECT_LT(relative_error(v.values, plain.v), bound);
        EXPECT_TRUE(same_bits(rounded, ops::convert(ctx, w, DType::bf16)));
        EXPECT_TRUE(same_bits(beside, w) && same_bits(m_beside.values, m.values) &&
                    same_bits(v_beside.values, v.values));
    }
    // The way that was gone, some hundredths of w: rounding of w weighs more on it.
    Doubles way = plain.w;
    for (size_t i = 0; i < way.size(); ++i) way[i] -= double{start.span<float>()[i]};
    EXPECT_LT(relative_error(added(ctx, w, start), way), 2e-5);
}

// Codes are those nearest to what they stand for; parts of a decade 10^-E are twice as wide for each E.
TEST_P(AdamW, CodesAreNear) {
    ops::AdamStep keep_all = step_at(1);
    keep_all.beta1 = keep_all.beta2 = 0;  // m = g, v = g^2
    Tensor w = zeros(ctx, {n}), gradient = randn(ctx, {n}, 1);
    for (int64_t i = 0; i < n; ++i) gradient.data<float>()[i] *= std::pow(10.0f, float(-(i % 5)));
    ops::AdamMoment m = zero_moment(ctx, n, true), v = zero_moment(ctx, n, true);
    ops::adamw(ctx, keep_all, gradient, w, m, v, nullptr);
    const auto check = [&](const ops::AdamMoment& moment, const DynamicCode& code, double parts,
                           const std::function<double(double)>& of) {
        const Doubles values = decoded(moment, code);
        for (size_t i = 0; i < values.size(); ++i) {
            const double scale = moment.scales.span<float>()[i / size_t(ops::kMomentBlock)];
            const double exact = of(0.25 * double{gradient.span<float>()[i]}), size = std::abs(exact) / scale;
            ASSERT_LE(size, 1 + 1e-6);
            ASSERT_GE(values[i] * exact, 0) << "the sign of " << exact;
            const double zeros = std::clamp(std::floor(-std::log10(size)), 0.0, 6.0);
            // The codes of 1 and -1 lie at the ends of the parts, others in their middles.
            const double half =
                0.9 * std::pow(10, -zeros) * std::exp2(zeros) / parts / 2 * (size > 1 - 0.9 / parts * 2 ? 1.5 : 1.0);
            // Below the smallest part there is only 0.
            ASSERT_LE(std::abs(values[i] - exact) / scale, size < 1e-7 ? 5e-7 : half * 1.0001 + 1e-7) << size;
            if (size > 1e-6) {
                ASSERT_GT(values[i] * exact, 0) << size;
            }
        }
    };
    check(m, kSignedCode, 64, [](double g) { return g; });
    check(v, kUnsignedCode, 128, [](double g) { return g * g; });
}

// Against moments in f32, where gradients of different blocks differ in size. Errors of codes are up to 7% of m and
// half of 4% of v, and 2% on the average; over five steps they partly cancel.
TEST_P(AdamW, MomentsIn8BitsGoNearlyTheSameWay) {
    const Tensor start = randn(ctx, {n}, 1);
    Tensor w = clone(ctx, start), exact = clone(ctx, start);
    ops::AdamMoment m = zero_moment(ctx, n, true), v = zero_moment(ctx, n, true), m_exact = zero_moment(ctx, n, false),
                    v_exact = zero_moment(ctx, n, false);
    for (int step = 1; step <= 5; ++step) {
        Tensor gradient = randn(ctx, {n}, uint32_t(10 + step));
        for (int64_t i = 0; i < n; ++i) gradient.data<float>()[i] *= std::pow(10.0f, float(-(i / 1024 % 4)));
        ops::adamw(ctx, step_at(step), gradient, w, m, v, nullptr);
        ops::adamw(ctx, step_at(step), gradient, exact, m_exact, v_exact, nullptr);
        // The first step knows no codes yet.
        if (step == 1) {
            EXPECT_TRUE(same_bits(w, exact));
        }
    }
    EXPECT_LT(relative_error(added(ctx, w, start), added(ctx, exact, start)), 0.03);
}

INSTANTIATE_TEST_SUITE_P(Sizes, AdamW, ::testing::Values(1, 3, 231, 256, 257, 775, 40001));

// w = 1, g = 2 after the factor: m = 0.2, v = 0.04; the corrected ratio is 1, and decay takes 0.1 of the rate.
TEST(AdamWStep, FirstOneGoesByTheRate) {
    Context ctx;
    Tensor w = filled(ctx, {1}, 1);
    ops::AdamMoment m = zero_moment(ctx, 1, false), v = zero_moment(ctx, 1, false);
    ops::adamw(ctx, step_at(1), filled(ctx, {1}, 8), w, m, v, nullptr);
    EXPECT_NEAR(m.values.data<float>()[0], 0.2f, 1e-6f);
    EXPECT_NEAR(v.values.data<float>()[0], 0.04f, 1e-6f);
    EXPECT_NEAR(w.data<float>()[0], 1 - 0.01f - 0.001f, 1e-6f);
}

// All codes of both types, each block with its largest, through a step that changes no moment.
TEST(AdamWCodes, SurviveARoundTrip) {
    Context ctx;
    ops::AdamMoment m = zero_moment(ctx, 512, true), v = zero_moment(ctx, 512, true);
    for (int64_t i = 0; i < 512; ++i) {
        m.values.data<uint8_t>()[i] = v.values.data<uint8_t>()[i] = uint8_t(i * 77 % 256);
        m.scales.data<float>()[i / 256] = v.scales.data<float>()[i / 256] = i < 256 ? 3.7e-5f : 91.0f;
    }
    const ops::AdamMoment m_before{clone(ctx, m.values), clone(ctx, m.scales)},
        v_before{clone(ctx, v.values), clone(ctx, v.scales)};
    ops::AdamStep keep_all = step_at(1);
    keep_all.beta1 = keep_all.beta2 = 1;
    Tensor w = zeros(ctx, {512});
    for (int i = 0; i < 3; ++i) ops::adamw(ctx, keep_all, randn(ctx, {512}, 1), w, m, v, nullptr);
    EXPECT_TRUE(same_bits(m.values, m_before.values) && same_bits(m.scales, m_before.scales));
    EXPECT_TRUE(same_bits(v.values, v_before.values) && same_bits(v.scales, v_before.scales));
}

// Where gradients of some elements of a block are far smaller than those of its others, v of those has no code of its
// own any more. It must not become 0 while m is not: the next step would be m over next to nothing. With moments in f32
// no element goes further than the sum of the rates, nearly.
TEST(AdamWCodes, SmallElementsOfABlockTakeNoLeaps) {
    Context ctx;
    for (const float ratio : {1e-2f, 1e-3f, 1e-4f, 1e-5f}) {
        Tensor w = zeros(ctx, {4096});
        ops::AdamMoment m = zero_moment(ctx, 4096, true), v = zero_moment(ctx, 4096, true);
        float largest = 0;
        for (int step = 1; step <= 20; ++step) {
            Tensor gradient = randn(ctx, {4096}, uint32_t(step));
            for (int64_t i = 0; i < 4096; i += 16) gradient.data<float>()[i] *= ratio;
            const Tensor before = clone(ctx, w);
            ops::AdamStep s = step_at(step);
            s.decay = 0;
            ops::adamw(ctx, s, gradient, w, m, v, nullptr);
            for (const float way : added(ctx, w, before).span<float>()) largest = std::max(largest, std::abs(way));
        }
        EXPECT_LT(largest, 1.5f * step_at(1).rate) << "with " << ratio;
    }
}

// A block without gradients stays zero beside one that has some, and w as it is; one that has had some becomes zero.
TEST(AdamWCodes, BlocksOfZeros) {
    Context ctx;
    const Tensor start = randn(ctx, {700}, 1);
    Tensor w = clone(ctx, start), gradient = randn(ctx, {700}, 2);
    std::fill_n(gradient.data<float>(), 256, 0.0f);
    ops::AdamMoment m = zero_moment(ctx, 700, true), v = zero_moment(ctx, 700, true);
    ops::AdamStep step = step_at(1);
    step.decay = 0;
    for (int i = 0; i < 3; ++i) ops::adamw(ctx, step, gradient, w, m, v, nullptr);
    EXPECT_TRUE(same_bits(w.slice(0, 256), start.slice(0, 256)));
    for (const float value : w.span<float>()) ASSERT_TRUE(std::isfinite(value));
    EXPECT_EQ(m.scales.data<float>()[0], 0.0f);
    EXPECT_EQ(v.scales.data<float>()[0], 0.0f);
    EXPECT_GT(m.scales.data<float>()[1], 0.0f);
    step.beta1 = step.beta2 = 0;
    ops::adamw(ctx, step, zeros(ctx, {700}), w, m, v, nullptr);
    for (const float scale : m.scales.span<float>()) EXPECT_EQ(scale, 0.0f);
    const Doubles zero = decoded(m, kSignedCode);
    EXPECT_EQ(dot(zero, zero), 0);
}

TEST(AdamWShapes, AreChecked) {
    Context ctx;
    Tensor w = zeros(ctx, {300}), fewer = zeros(ctx, {299});
    ops::AdamMoment good = zero_moment(ctx, 300, true), few = zero_moment(ctx, 299, false),
                    blocks{zeros(ctx, {300}, DType::u8), zeros(ctx, {1})};
    EXPECT_THROW(ops::adamw(ctx, step_at(1), fewer, w, good, good, nullptr), Error);
    EXPECT_THROW(ops::adamw(ctx, step_at(1), w, w, few, good, nullptr), Error);
    EXPECT_THROW(ops::adamw(ctx, step_at(1), w, w, good, blocks, nullptr), Error);
    EXPECT_THROW(ops::adamw(ctx, step_at(1), w, w, good, good, &fewer), Error);
}

TEST(BlendInto, MovesTowardsX) {
    Context ctx(2);
    for (const int64_t n : {1, 33, 40001}) {
        const Tensor x = randn(ctx, {n}, 1), start = randn(ctx, {n}, 2);
        Tensor y = clone(ctx, start);
        ops::blend_into(ctx, y, x, 0.999f);
        Doubles expected = doubles(ctx, start);
        for (size_t i = 0; i < expected.size(); ++i) {
            expected[i] = double{0.999f} * expected[i] + (1 - double{0.999f}) * double{x.span<float>()[i]};
        }
        EXPECT_LT(relative_error(y, expected), 1e-7 * 2);
        ops::blend_into(ctx, y, x, 0.0f);
        EXPECT_TRUE(same_bits(y, x));
    }
    Tensor y = zeros(ctx, {3});
    EXPECT_THROW(ops::blend_into(ctx, y, zeros(ctx, {4}), 0.5f), Error);
}

TEST(RoundInPlace, LeavesWhatTheNarrowTypeHolds) {
    Context ctx(2);
    Tensor x = randn(ctx, {7, 257}, 1);
    const Tensor before = clone(ctx, x), narrow = ops::round_in_place(ctx, x, DType::bf16);
    for (size_t i = 0; i < size_t(x.numel()); ++i) {
        ASSERT_EQ(x.span<float>()[i], round_to_bf16(before.span<float>()[i]));
        ASSERT_EQ(float(narrow.span<bf16>()[i]), x.span<float>()[i]);
    }
    const Tensor again = ops::round_in_place(ctx, x, DType::bf16);
    EXPECT_TRUE(same_bits(again, narrow));
    // Of f32 itself a copy, which does not follow x.
    Tensor copy = ops::round_in_place(ctx, x, DType::f32);
    EXPECT_TRUE(same_bits(copy, x));
    EXPECT_NE(copy.raw(), x.raw());
}

}  // namespace
}  // namespace t3video
