// Matrix products on the GPU and their gradients: bias, activations, odd sizes.
#include "ops/linear.h"

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class LinearOnGpu : public OnGpu {
  protected:
    void compare(int64_t rows, int64_t in, int64_t out, DType x_type, DType weight_type) {
        const Operand x = random({rows, in}, 1, x_type), w = random({out, in}, 2, weight_type),
                      b = random({out}, 3, weight_type);
        for (const bool with_bias : {false, true}) {
            for (const auto activation : {ops::Activation::none, ops::Activation::silu, ops::Activation::gelu_tanh}) {
                // A few values may all lie where the activation is next to zero: no relative precision is due there.
                if (activation != ops::Activation::none && rows * out < 50) continue;
                SCOPED_TRACE(concat(rows, " x ", in, " to ", out, ", ", x_type, " times ", weight_type, ", bias ",
                                    with_bias, ", activation ", int(activation)));
                // An activation may follow a product that was rounded to the result's type.
                const bool plain = activation == ops::Activation::none;
                expect_parity(
                    ops::linear(cpu(), x.host, w.host, with_bias ? &b.host : nullptr, activation),
                    [&] { return ops::linear(gpu(), x.device, w.device, with_bias ? &b.device : nullptr, activation); },
                    x_type, x_type == DType::f32 || plain ? bound(x_type) : loose_bound());
            }
        }
    }

    // Of a result in f32, the sums of matrix units that cut off where they add are not rounded away.
    double sum_bound(DType operands, DType result) const {
        return operands == DType::bf16 && result == DType::f32 ? 1e-4 : bound(result);
    }

    // y = factor * x W^T and dx = factor * dy W, fresh and added to what is there.
    void compare_products(int64_t rows, int64_t in, int64_t out, DType x_type, DType weight_type) {
        const Operand w = random({out, in}, 2, weight_type);
        for (const bool add : {false, true}) {
            SCOPED_TRACE(concat(rows, " x ", in, " to ", out, ", ", x_type, " times ", weight_type, ", add ", add));
            const ops::Into into{0.75f, add};
            const auto compare_into = [&](const Shape& from, const Shape& to, DType result, auto&& product) {
                const Operand x = random(from, 1, x_type), before = random(to, 3, result);
                Tensor expected = clone(cpu(), before.host);
                product(cpu(), x.host, w.host, expected);
                expect_parity(
                    expected,
                    [&] {
                        Tensor y = clone(gpu(), before.device);
                        product(gpu(), x.device, w.device, y);
                        return y;
                    },
                    result, sum_bound(x_type, result));
            };
            compare_into({rows, in}, {rows, out}, x_type,
                         [&](Context& ctx, const Tensor& x, const Tensor& m, Tensor& y) {
                             ops::product_into(ctx, x, m, into, y);
                         });
            for (const DType result : {x_type, DType::f32}) {
                compare_into({rows, out}, {rows, in}, result,
                             [&](Context& ctx, const Tensor& dy, const Tensor& m, Tensor& dx) {
                                 ops::linear_backward_into(ctx, dy, m, into, dx);
                             });
            }
        }
    }

    void compare_weight_gradient(int64_t rows, int64_t in, int64_t out) {
        SCOPED_TRACE(concat("dweight of ", rows, " x ", in, " to ", out));
        const Operand x = random({rows, in}, 1), dy = random({rows, out}, 2), before = random({out, in}, 3, DType::f32);
        Tensor expected = clone(cpu(), before.host);
        ops::add_weight_gradient(cpu(), dy.host, x.host, 0.5f, expected);
        expect_parity(
            expected,
            [&] {
                Tensor dweight = clone(gpu(), before.device);
                ops::add_weight_gradient(gpu(), dy.device, x.device, 0.5f, dweight);
                return dweight;
            },
            DType::f32, sum_bound(type(), DType::f32));
    }
};

TEST_P(LinearOnGpu, OddSizes) {
    for (const int64_t rows : {1, 2, 5, 129}) {
        for (const int64_t in : {1, 7, 33, 200}) {
            for (const int64_t out : {1, 3, 65}) compare(rows, in, out, type(), type());
        }
    }
}

TEST_P(LinearOnGpu, SizesOfAModel) {
    compare(300, 1536, 512, type(), type());
    compare(70, 64, 1536, type(), type());
    compare(33, 1536, 64, type(), type());
    compare(3001, 72, 3664, type(), type());  // 696 tiles of 128x128
}

// Timesteps are f32 whatever the weights.
TEST_P(LinearOnGpu, FewRowsOfF32) {
    for (const int64_t rows : {1, 2}) {
        compare(rows, 256, 1536, DType::f32, type());
        compare(rows, 13, 7, DType::f32, type());
    }
}

TEST_P(LinearOnGpu, GradientsOfOddSizes) {
    for (const int64_t rows : {1, 2, 5, 129}) {
        for (const int64_t in : {1, 7, 33, 200}) {
            for (const int64_t out : {1, 3, 65}) {
                compare_products(rows, in, out, type(), type());
                compare_weight_gradient(rows, in, out);
            }
        }
    }
}

TEST_P(LinearOnGpu, GradientsOfSizesOfAModel) {
    compare_products(300, 1536, 512, type(), type());
    compare_products(3001, 72, 3664, type(), type());
    compare_products(70, 64, 1536, type(), type());
    compare_products(300, 1536, 16, type(), type());  // a factor of low rank
    compare_weight_gradient(3001, 1536, 512);
    compare_weight_gradient(300, 64, 1536);
    compare_weight_gradient(5000, 1536, 16);
}

TEST_P(LinearOnGpu, GradientsOfFewRowsOfF32) {
    for (const int64_t rows : {1, 2}) {
        compare_products(rows, 256, 1536, DType::f32, type());
        compare_products(rows, 13, 7, DType::f32, type());
    }
}

TEST_P(LinearOnGpu, IntoPartOfATensor) {
    const Operand x = random({19, 24}, 1), w = random({16, 24, 1, 1}, 2);
    Tensor expected = zeros(cpu(), {21, 16});
    Tensor rows = expected.slice(1, 20);
    ops::linear_into(cpu(), x.host, w.host, nullptr, ops::Activation::none, rows);
    expect_parity(expected, [&] {
        Tensor y = zeros(gpu(), {21, 16}, type());
        Tensor part = y.slice(1, 20);
        ops::linear_into(gpu(), x.device, w.device, nullptr, ops::Activation::none, part);
        return y;
    });
}

INSTANTIATE_TEST_SUITE_P(Types, LinearOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
