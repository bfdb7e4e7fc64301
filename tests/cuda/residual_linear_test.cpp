// Residual steps of linear maps on the GPU: products that are added to f32 rows as they are computed.
#include "nn/residual_linear.h"

#include "cuda/parity.h"
#include "ops/residual.h"

namespace t3video {
namespace {

using namespace testing;

class ResidualLinearOnGpu : public OnGpu {
  protected:
    void SetUp() override {
        OnGpu::SetUp();
        if (!IsSkipped() && gpu().traits().major != 9) GTEST_SKIP() << "no GPU of compute capability 9.0";
    }
    Tensor exact(const Operand& x) { return ops::convert(gpu(), x.device, DType::f32); }
};

// Odd rows and widths, gates and biases, against sums in f32.
TEST_P(ResidualLinearOnGpu, AddsProducts) {
    struct Case {
        int64_t rows, in, out;
        bool bias, gate;
    };
    for (const Case& c :
         {Case{1, 8, 32, false, false}, Case{65, 72, 160, true, true}, Case{300, 1536, 96, false, true},
          Case{257, 4104, 416, true, false}, Case{700, 8960, 1536, true, true}, Case{20001, 96, 1536, true, true}}) {
        SCOPED_TRACE(concat(c.rows, " x ", c.in, " to ", c.out, c.bias ? ", bias" : "", c.gate ? ", gate" : ""));
        const Operand x = random({c.rows, c.in}, 1), w = random({c.out, c.in}, 2), bias = random({c.out}, 3),
                      gate = random({1, c.out}, 4, DType::f32), before = random({c.rows, c.out}, 5, DType::f32);
        const Tensor offset = exact(bias);
        const Tensor y = ops::linear(gpu(), exact(x), exact(w), c.bias ? &offset : nullptr);
        ops::Rows expected{to_device(gpu(), before.host)};
        ops::add_layer_norm(gpu(), expected, {y, c.gate ? &gate.device : nullptr}, exact(bias), exact(bias), 0, 1e-6f);

        const auto run = [&] {
            const ops::GatedProduct product =
                ops::fold_gate(gpu(), w.device, c.bias ? &bias.device : nullptr, c.gate ? &gate.device : nullptr);
            Tensor sum = to_device(gpu(), before.host);
            ops::add_product(gpu(), x.device, product, sum);
            return sum;
        };
        // Of a gate the weight is rounded once more.
        expect_parity(to_host(gpu(), expected.data), run, DType::f32, c.gate ? kRounding : 1e-5);
    }
}

// A step for as many rows as fill the card, in slices, is the step with a summand in memory up to that one's rounding;
// of several sets of gates it is that very step.
TEST_P(ResidualLinearOnGpu, StepsAreThose) {
    const int64_t rows = 20000, in = 96, out = 1536, first = 130;
    ASSERT_TRUE(ops::adds_products(gpu(), rows, out));
    ASSERT_FALSE(ops::adds_products(gpu(), 100, out));
    const Operand h = random({rows, in}, 1), before = random({rows, out}, 5, DType::f32);
    nn::Linear map(in, out);
    map.weight.value = to_device(gpu(), randn(cpu(), {out, in}, 2, type()));
    map.bias.value = to_device(gpu(), randn(cpu(), {out}, 3, type()));
    for (const int64_t sets : {1, 2}) {
        SCOPED_TRACE(sets);
        const Operand gate = random({sets, out}, 4, DType::f32), scale = random({sets, out}, 6, DType::f32),
                      shift = random({sets, out}, 7, DType::f32);
        const nn::ResidualLinear step(gpu(), map, &gate.device, rows);
        ops::Rows expected{to_device(gpu(), before.host), {}, {.first = first}},
            sum{to_device(gpu(), before.host), {}, {.first = first}};
        const Tensor y = map.forward(gpu(), h.device);
        const Tensor norm =
            ops::add_norm_modulate(gpu(), expected, {y, &gate.device}, scale.device, shift.device, 777, 1e-6f);
        const Tensor got = step.add_norm_modulate(gpu(), sum, h.device, scale.device, shift.device, 777, 1e-6f);
        EXPECT_LE(relative_error(to_host(gpu(), sum.data), to_host(gpu(), expected.data)), sets == 1 ? kRounding : 0);
        EXPECT_LE(relative_error(on_host_as_f32(got), on_host_as_f32(norm)), sets == 1 ? loose_bound() : 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Types, ResidualLinearOnGpu, ::testing::Values(DType::bf16), type_name);

}  // namespace
}  // namespace t3video
