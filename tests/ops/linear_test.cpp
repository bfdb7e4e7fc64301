// linear against a double loop: odd sizes, every weight type, every activation.
#include "ops/linear.h"

#include <gtest/gtest.h>

#include "cpu/linear.h"
#include "ops/convert.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;
using ops::Activation;

double activated(double x, Activation activation) {
    if (activation == Activation::silu) return x / (1 + std::exp(-x));
    if (activation == Activation::gelu_tanh) {
        return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    }
    return x;
}

struct LinearCase {
    int64_t rows, in, out;
    DType dtype;
    bool bias;
    Activation activation;
};

class Linear : public ::testing::TestWithParam<LinearCase> {};

TEST_P(Linear, MatchesDoubleLoop) {
    const LinearCase c = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, {c.rows, c.in}, 1), w = randn(ctx, {c.out, c.in}, 2, c.dtype),
                 b = randn(ctx, {c.out}, 3, c.dtype);
    const Tensor y = ops::linear(ctx, x, w, c.bias ? &b : nullptr, c.activation);
    const auto dx = doubles(ctx, x), dw = doubles(ctx, w), db = doubles(ctx, b);
    std::vector<double> expected;
    for (int64_t i = 0; i < c.rows; ++i) {
        for (int64_t o = 0; o < c.out; ++o) {
            double sum = c.bias ? db[size_t(o)] : 0;
            for (int64_t k = 0; k < c.in; ++k) sum += dx[size_t(i * c.in + k)] * dw[size_t(o * c.in + k)];
            expected.push_back(activated(sum, c.activation));
        }
    }
    EXPECT_EQ(y.shape(), (Shape{c.rows, c.out}));
    EXPECT_LT(relative_error(y, expected), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, Linear,
                         ::testing::Values(LinearCase{1, 1, 1, DType::f32, true, Activation::none},
                                           LinearCase{7, 33, 5, DType::bf16, true, Activation::gelu_tanh},
                                           LinearCase{65, 96, 31, DType::f16, false, Activation::silu},
                                           LinearCase{130, 257, 64, DType::f32, false, Activation::none},
                                           LinearCase{1, 192, 576, DType::bf16, true, Activation::silu}));

// A packed weight gives the same bits; sizes with and without whole blocks.
TEST_P(Linear, PacksToTheSameBits) {
    const LinearCase c = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, {c.rows, c.in}, 1), w = randn(ctx, {c.out, c.in}, 2, c.dtype),
                 b = randn(ctx, {c.out}, 3, c.dtype);
    const ops::Prepared packed = ops::prepare(ctx, w, ops::Role::matrix, ops::Uses::many);
    EXPECT_EQ(packed.shape, w.shape());
    EXPECT_LE(packed.bytes(), cpu::packed_bytes(c.out, c.in));
    const Tensor* const bias = c.bias ? &b : nullptr;
    EXPECT_EQ(doubles(ctx, ops::linear(ctx, x, packed, bias, c.activation)),
              doubles(ctx, ops::linear(ctx, x, w, bias, c.activation)));
}

TEST(Linear, PacksEncodedWeightsOnce) {
    struct Counting : Encoding {
        mutable int64_t decoded = 0;
        std::string name() const override { return "counting"; }
        size_t bytes() const override { return 0; }
        int64_t group() const override { return 1; }
        void decode(int64_t first, int64_t count, float* values) const override {
            for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>((first + i) % 7 - 3);
            decoded += count;
        }
    };
    Context ctx(1);
    const auto rule = std::make_shared<Counting>();
    const Stored w({33, 20}, rule);
    const Tensor x = randn(ctx, {3, 20}, 1), expected = ops::linear(ctx, x, w);
    const ops::Prepared packed = ops::prepare(ctx, w, ops::Role::matrix, ops::Uses::many);
    EXPECT_EQ(rule->decoded, 2 * w.numel());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(doubles(ctx, ops::linear(ctx, x, packed)), doubles(ctx, expected));
    EXPECT_EQ(rule->decoded, 2 * w.numel());
}

// A run that only counts sees no less memory than the real one takes.
TEST(Linear, PackedWeightsArePlanned) {
    for (const auto& [out, in] : {std::pair{31, 96}, {64, 257}, {1536, 64}}) {
        Context ctx, meta = make_meta_context(DType::f32, Device::cpu);
        const auto prepare = [](Context& on, const Tensor& w) {
            return ops::prepare(on, w, ops::Role::matrix, ops::Uses::many);
        };
        const ops::Prepared packed = prepare(ctx, randn(ctx, {out, in}, 1, DType::bf16)),
                            counted = prepare(meta, unbacked({out, in}, DType::bf16));
        EXPECT_EQ(counted.shape, packed.shape);
        EXPECT_GE(meta.allocator().peak(), packed.bytes());
        EXPECT_EQ(ops::linear(meta, empty(meta, {5, in}), counted).shape(), (Shape{5, out}));
    }
}

TEST(Linear, KeepsLeadingAxes) {
    Context ctx;
    EXPECT_EQ(ops::linear(ctx, randn(ctx, {2, 3, 4}, 1), randn(ctx, {5, 4}, 2)).shape(), (Shape{2, 3, 5}));
}

TEST(Linear, NamesBothShapes) {
    Context ctx;
    try {
        ops::linear(ctx, randn(ctx, {2, 3}, 1), randn(ctx, {5, 4}, 2));
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("[5, 4] for x [2, 3]"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace t3video
