// Matrix products on the GPU: bias, activations, odd sizes.
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
