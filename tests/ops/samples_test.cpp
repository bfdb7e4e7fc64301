// Ops over a stream of several samples, against double loops: every token has its sample's parameters and its own place
// in its sample's grid.
#include <gtest/gtest.h>

#include <array>

#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "ops/loss.h"
#include "ops/norm.h"
#include "ops/residual.h"
#include "ops/rope.h"
#include "support/gradients.h"
#include "support/samples.h"

namespace t3video {
namespace {

using namespace testing;

// (x - mean) * rstd of each row.
Doubles normed(Doubles x, int64_t width, double eps) {
    for (size_t first = 0; first < x.size(); first += size_t(width)) {
        double mean = 0, square = 0;
        for (int64_t c = 0; c < width; ++c) mean += x[first + size_t(c)] / double(width);
        for (int64_t c = 0; c < width; ++c) square += std::pow(x[first + size_t(c)] - mean, 2) / double(width);
        for (int64_t c = 0; c < width; ++c)
            x[first + size_t(c)] = (x[first + size_t(c)] - mean) / std::sqrt(square + eps);
    }
    return x;
}

class Samples : public ::testing::TestWithParam<std::tuple<SamplesCase, bool>> {
  protected:
    // The rows of x in turn, told which tokens they are where these are in an order.
    ops::Rows rows_of(const Tensor& x) const {
        if (!ordered) return {x, {}, {.first = c.first}};
        return {x, {}, {ids, c.first}};
    }
    Tensor matrix(uint32_t seed) { return randn(ctx, {c.rows, c.width}, seed); }
    Tensor parameters(uint32_t seed) { return randn(ctx, {c.sets(), c.width}, seed); }
    // The parameter of element i of the rows.
    size_t entry(size_t i) const {
        return size_t(c.set_of(tokens[i / size_t(c.width)]) * c.width) + i % size_t(c.width);
    }

    static constexpr double kEps = 1e-2;  // of narrow rows little is left of a gradient otherwise
    const SamplesCase c = std::get<0>(GetParam());
    const bool ordered = std::get<1>(GetParam());
    Context ctx{2};
    const std::vector<int64_t> tokens = c.tokens(ordered);
    const Tensor ids = from_span(ctx, tokens);
};

TEST_P(Samples, Modulation) {
    const Tensor x = matrix(1), scale = parameters(2), shift = parameters(3);
    const auto s = doubles(ctx, scale), b = doubles(ctx, shift);
    Doubles expected = normed(doubles(ctx, x), c.width, kEps);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] = expected[i] * (1 + s[entry(i)]) + b[entry(i)];
    const Tensor y = ops::norm_modulate(ctx, rows_of(x), scale, shift, c.token_sets(), float(kEps));
    EXPECT_LT(relative_error(y, expected), 1e-6);
}

TEST_P(Samples, ModulationBackward) {
    const Tensor x = matrix(1), dy = matrix(2), lying = matrix(3), scale = parameters(4), start = parameters(5);
    Tensor dscale = clone(ctx, start), dshift = clone(ctx, start);
    ops::Rows dx = rows_of(clone(ctx, lying));
    ops::norm_modulate_backward(ctx, rows_of(x), scale, c.token_sets(), float(kEps), dy, dx, &dscale, &dshift);
    const auto n = normed(doubles(ctx, x), c.width, kEps), d = doubles(ctx, dy), s = doubles(ctx, scale);
    Doubles of_scale = doubles(ctx, start), of_shift = of_scale, of_x = doubles(ctx, lying);
    for (size_t i = 0; i < d.size(); ++i) {
        of_scale[entry(i)] += d[i] * n[i];
        of_shift[entry(i)] += d[i];
    }
    EXPECT_LT(relative_error(dscale, of_scale), 1e-6);
    EXPECT_LT(relative_error(dshift, of_shift), 1e-6);
    const auto width = size_t(c.width);
    const auto xs = doubles(ctx, x);
    for (size_t first = 0; first < d.size(); first += width) {
        double mean = 0, variance = 0, sum = 0, product = 0;
        for (size_t k = first; k < first + width; ++k) mean += xs[k] / double(width);
        for (size_t k = first; k < first + width; ++k) variance += std::pow(xs[k] - mean, 2) / double(width);
        for (size_t k = first; k < first + width; ++k) {
            sum += d[k] * (1 + s[entry(k)]) / double(width);
            product += d[k] * (1 + s[entry(k)]) * n[k] / double(width);
        }
        for (size_t k = first; k < first + width; ++k)
            of_x[k] += (d[k] * (1 + s[entry(k)]) - sum - n[k] * product) / std::sqrt(variance + kEps);
    }
    EXPECT_LT(relative_error(dx.data, of_x), 2e-6);
}

TEST_P(Samples, GatesAndTheNormsBehindThem) {
    const Tensor x = matrix(1), h = matrix(2), gate = parameters(3), scale = parameters(4), shift = parameters(5),
                 weight = randn(ctx, {c.width}, 6), bias = randn(ctx, {c.width}, 7);
    const auto hs = doubles(ctx, h), g = doubles(ctx, gate), s = doubles(ctx, scale), b = doubles(ctx, shift),
               w = doubles(ctx, weight), v = doubles(ctx, bias);
    Doubles sums = doubles(ctx, x);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += g[entry(i)] * hs[i];
    Doubles modulated = normed(sums, c.width, kEps), layer = modulated;
    for (size_t i = 0; i < sums.size(); ++i) {
        modulated[i] = modulated[i] * (1 + s[entry(i)]) + b[entry(i)];
        layer[i] = layer[i] * w[i % size_t(c.width)] + v[i % size_t(c.width)];
    }
    const ops::TokenSets sets = c.token_sets();
    ops::Rows added = rows_of(clone(ctx, x)), one = rows_of(clone(ctx, x)), other = rows_of(clone(ctx, x));
    ops::add_gated_to(ctx, added, gate, h, sets);
    EXPECT_LT(relative_error(added.data, sums), 1e-6);
    const Tensor y = ops::add_norm_modulate(ctx, one, {h, &gate}, scale, shift, sets, float(kEps));
    EXPECT_LT(relative_error(one.data, sums), 1e-6);
    EXPECT_LT(relative_error(y, modulated), 2e-6);
    EXPECT_LT(relative_error(ops::add_layer_norm(ctx, other, {h, &gate}, weight, bias, sets, float(kEps)), layer),
              2e-6);
    EXPECT_LT(relative_error(other.data, sums), 1e-6);
}

TEST_P(Samples, GatesBackward) {
    const Tensor dx = matrix(1), h = matrix(2), gate = parameters(3), start = parameters(4);
    Tensor dgate = clone(ctx, start);
    const Tensor dh = ops::add_gated_backward(ctx, rows_of(dx), gate, h, c.token_sets(), &dgate);
    const auto d = doubles(ctx, dx), hs = doubles(ctx, h), g = doubles(ctx, gate);
    Doubles of_h(d.size()), of_gate = doubles(ctx, start);
    for (size_t i = 0; i < d.size(); ++i) {
        of_h[i] = g[entry(i)] * d[i];
        of_gate[entry(i)] += d[i] * hs[i];
    }
    EXPECT_LT(relative_error(dh, of_h), 1e-6);
    EXPECT_LT(relative_error(dgate, of_gate), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, Samples, ::testing::Combine(::testing::ValuesIn(kSamplesCases), ::testing::Bool()));

TEST(SamplesChecks, SetsAreAsManyAsSamplesOrTwice) {
    Context ctx;
    const Tensor x = zeros(ctx, {6, 4}), two = zeros(ctx, {2, 4}), three = zeros(ctx, {3, 4}),
                 four = zeros(ctx, {4, 4}), six = zeros(ctx, {6, 4}),
                 across = from_span(ctx, std::array<int64_t, 6>{0, 1, 3, 2, 4, 5}),
                 within = from_span(ctx, std::array<int64_t, 6>{2, 1, 0, 5, 4, 3});
    const auto modulate = [&](const Tensor& sets, const ops::TokenSets& how, const ops::Tokens& tokens = {}) {
        ops::norm_modulate(ctx, {x, {}, tokens}, sets, sets, how, 1e-6f);
    };
    modulate(two, {0, 2, 3});
    modulate(four, {1, 2, 3});
    modulate(two, {0, 2, 3}, {within});
    modulate(two, {0, 2, 5}, {{}, 4});
    EXPECT_THROW(modulate(three, {0, 2, 3}), Error);
    EXPECT_THROW(modulate(six, {0, 2, 3}), Error);
    EXPECT_THROW(modulate(four, 2), Error);
    EXPECT_THROW(modulate(two, {0, 2, 0}), Error);
    EXPECT_THROW(modulate(two, {0, 2, 2}), Error);            // six rows of four tokens
    EXPECT_THROW(modulate(two, {0, 2, 5}, {{}, 5}), Error);   // to token 10 of 10
    EXPECT_THROW(modulate(two, {0, 2, 3}, {across}), Error);  // a token of another sample
}

// Each sample's tokens are turned as those of a grid of its own.
TEST(SamplesRope, TurnsEverySampleAsIfAlone) {
    Context ctx(2);
    constexpr int64_t kSamples = 3, kHeads = 2, kHead = 14;
    ops::RopeTable table{{2, 3, 5},
                         randn(ctx, {2, 3}, 11),
                         randn(ctx, {2, 3}, 12),
                         randn(ctx, {3, 2}, 13),
                         randn(ctx, {3, 2}, 14),
                         randn(ctx, {5, 2}, 15),
                         randn(ctx, {5, 2}, 16)};
    const int64_t period = table.grid.tokens(), width = kHeads * kHead;
    ops::RopeTable all = table;
    all.samples = kSamples;
    const Tensor x = randn(ctx, {kSamples * period, width}, 1), w = randn(ctx, {width}, 2),
                 dy = randn(ctx, {kSamples * period, width}, 3);
    const auto run = [&](const ops::RopeTable& of, const Tensor& rows, const Tensor& drows, const ops::Tokens& tokens,
                         Tensor& dw) {
        Tensor y = empty_like(ctx, rows), dx = empty_like(ctx, rows);
        const ops::NormRope operand{rows, &w, 1e-6f, y};
        ops::norm_rope_into(ctx, {&operand, 1}, of, kHeads, tokens);
        const ops::NormRopeGradient gradient{rows, &w, 1e-6f, drows, dx, &dw};
        ops::norm_rope_backward_into(ctx, {&gradient, 1}, of, kHeads, tokens);
        return std::array{y, dx};
    };
    Tensor dw = zeros(ctx, {width}), sum = zeros(ctx, {width});
    const auto together = run(all, x, dy, {}, dw);
    for (int64_t i = 0; i < kSamples; ++i) {
        const auto rows = [&](const Tensor& t) { return t.slice(i * period, (i + 1) * period); };
        const auto alone = run(table, rows(x), rows(dy), {}, sum);
        EXPECT_TRUE(same_bits(rows(together[0]), alone[0]) && same_bits(rows(together[1]), alone[1])) << i;
    }
    EXPECT_LT(relative_error(dw, sum), 1e-6);
    // Rows of an order, and from a token on.
    const std::vector<int64_t> order{61, 3, 44, 89, 30};
    Tensor unused = zeros(ctx, {width});
    const auto some =
        run(all, ops::gather_rows(ctx, x, order), ops::gather_rows(ctx, dy, order), {from_span(ctx, order)}, unused);
    EXPECT_TRUE(same_bits(some[0], ops::gather_rows(ctx, together[0], order)));
    const auto later = run(all, x.slice(50, 80), dy.slice(50, 80), {{}, 50}, unused);
    EXPECT_TRUE(same_bits(later[1], together[1].slice(50, 80)));
    EXPECT_THROW(run(all, x, dy, {{}, 1}, unused), Error);
    EXPECT_THROW(run(table, x, dy, {}, unused), Error);
}

TEST(SamplesLayout, PatchesAreThoseOfEachSample) {
    Context ctx(2);
    const Tensor x = randn(ctx, {3, 2, 3, 4, 6}, 1);
    const auto sample = [](const Tensor& t, int64_t i) {
        return t.slice(i, i + 1).reshape(Shape(t.shape().dims().subspan(1)));
    };
    const Grid grid{3, 2, 3};
    const Tensor rows = ops::patchify(ctx, x), dx = ops::unpatchify_backward(ctx, x),
                 back = ops::unpatchify_samples(ctx, dx, grid);
    ASSERT_EQ(rows.shape(), Shape({3 * 18, 8}));
    ASSERT_EQ(back.shape(), x.shape());
    for (int64_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(same_bits(rows.slice(18 * i, 18 * i + 18), ops::patchify(ctx, sample(x, i)))) << i;
        EXPECT_TRUE(same_bits(dx.slice(18 * i, 18 * i + 18), ops::unpatchify_backward(ctx, sample(x, i)))) << i;
        EXPECT_TRUE(same_bits(sample(back, i), sample(x, i))) << i;
    }
    EXPECT_THROW(ops::unpatchify(ctx, dx, grid), Error);
    EXPECT_THROW(ops::unpatchify_samples(ctx, dx.slice(0, 20), grid), Error);
    EXPECT_THROW(ops::patchify(ctx, zeros(ctx, {2, 4, 6})), Error);
}

TEST(SamplesLoss, IsEachSamplesOwn) {
    Context ctx(2);
    const Shape one{3, 4, 5, 7};
    const Tensor a = randn(ctx, {3, 3, 4, 5, 7}, 1), b = randn(ctx, {3, 3, 4, 5, 7}, 2);
    const ops::LossOptions options[] = {{0, 0.25f}, {1, 2.0f}, {3, 1.0f}};
    const ops::Losses losses = ops::squared_errors(ctx, a, b, options);
    for (int64_t i = 0; i < 3; ++i) {
        const auto sample = [&](const Tensor& t) { return t.slice(i, i + 1).reshape(one); };
        const auto& [first, factor] = options[i];
        const ops::Loss alone = ops::squared_error(ctx, sample(a), sample(b), first, factor);
        EXPECT_EQ(losses.values[size_t(i)], alone.value);
        EXPECT_TRUE(same_bits(sample(losses.gradient), alone.gradient));
    }
    EXPECT_THROW(ops::squared_errors(ctx, a, b, {options, 2}), Error);
    const ops::LossOptions late[] = {{0, 1}, {4, 1}, {0, 1}};
    EXPECT_THROW(ops::squared_errors(ctx, a, b, late), Error);
}

TEST(AddRow, AddsItToEveryRow) {
    Context ctx(2);
    for (const int64_t width : {1, 7, 33, 192}) {
        const Tensor x = randn(ctx, {5, width}, 1), row = randn(ctx, {1, width}, 2), y = ops::add_row(ctx, x, row);
        for (int64_t i = 0; i < x.numel(); ++i)
            EXPECT_EQ(y.data<float>()[i], x.data<float>()[i] + row.data<float>()[i % width]) << width;
    }
    EXPECT_THROW(ops::add_row(ctx, zeros(ctx, {2, 3}), zeros(ctx, {2})), Error);
}

}  // namespace
}  // namespace t3video
