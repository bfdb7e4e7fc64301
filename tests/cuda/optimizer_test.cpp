// AdamW on the GPU, with moments of both kinds, and sums of squares.
#include "ops/optimizer.h"

#include <cmath>
#include <random>

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class OptimizerOnGpu : public OnGpu {
  protected:
    static constexpr ops::AdamStep kStep{.rate = 1e-2f,
                                         .beta1 = 0.9f,
                                         .beta2 = 0.99f,
                                         .eps = 1e-8f,
                                         .decay = 0.1f,
                                         .factor = 0.5f,
                                         .correction1 = 0.271f,
                                         .correction2 = 0.0297f};

    // Both ends of the sizes that vectors and blocks of moments divide, and the same from an odd address on.
    template <class F>
    void for_each_size(F&& f) {
        for (const int64_t size : {1, 7, 255, 256, 1000, 4096, 100003, 1000000}) {
            SCOPED_TRACE(size);
            f(size);
        }
    }
    // Codes as moments hold them, all 256 of them.
    Operand codes(int64_t size, uint32_t seed) {
        Tensor x = empty(cpu(), {size}, DType::u8);
        std::mt19937 engine(seed);
        for (uint8_t& code : x.span<uint8_t>()) code = static_cast<uint8_t>(engine() >> 24);
        return {x, to_device(gpu(), x)};
    }
    Operand magnitudes(int64_t size, uint32_t seed) {
        Tensor x = randn(cpu(), {size}, seed);
        for (float& value : x.span<float>()) value = std::abs(value);
        return on_both(x);
    }
    // At most one code in a thousand lies one further: a value near the middle of two.
    void expect_codes(const Tensor& expected, const Tensor& device) {
        const Tensor codes = to_host(gpu(), device);
        int64_t others = 0;
        for (int64_t i = 0; i < expected.numel(); ++i) {
            const int distance = std::abs(int{codes.data<uint8_t>()[i]} - int{expected.data<uint8_t>()[i]});
            ASSERT_LE(distance, 1) << "code " << i;
            others += distance;
        }
        EXPECT_LE(others, 1 + expected.numel() / 1000);
    }
};

TEST_P(OptimizerOnGpu, SumOfSquares) {
    std::vector<Tensor> host, device;
    for_each_size([&](int64_t size) {
        const Operand x = random({size}, static_cast<uint32_t>(size), DType::f32);
        for (const int64_t first : {int64_t{0}, int64_t{1}}) {
            host.push_back(x.host.slice(first, size));
            device.push_back(x.device.slice(first, size));
        }
    });
    const double expected = ops::sum_of_squares(cpu(), host), sum = ops::sum_of_squares(gpu(), device);
    EXPECT_NEAR(sum, expected, 1e-12 * expected);
    EXPECT_EQ(sum, ops::sum_of_squares(gpu(), device)) << "two runs differ";
    EXPECT_EQ(ops::sum_of_squares(gpu(), {}), 0);
}

TEST_P(OptimizerOnGpu, SumOfSquaresOfExtremes) {
    for (const float value : {NAN, INFINITY, 1e30f}) {
        Tensor values = randn(cpu(), {5003}, 1);
        values.data<float>()[5002] = value;
        const Tensor all[] = {random({9}, 2, DType::f32).device, on_both(values).device};
        EXPECT_EQ(std::isfinite(ops::sum_of_squares(gpu(), all)), value == 1e30f);
    }
}

TEST_P(OptimizerOnGpu, AdamW) {
    for_each_size([&](int64_t size) {
        const Operand g = random({size}, 1, DType::f32), w = random({size}, 2, DType::f32),
                      m = random({size}, 3, DType::f32), v = magnitudes(size, 4);
        for (const int64_t first : {int64_t{0}, int64_t{1}}) {
            if (size == first) continue;
            const auto run = [&](Context& ctx, bool on_gpu, bool with) {
                const auto of = [&](const Operand& o) {
                    return clone(ctx, on_gpu ? o.device : o.host).slice(first, size);
                };
                Tensor to = of(w), rounded = empty(ctx, {size - first}, on_gpu ? type() : DType::f32);
                ops::AdamMoment a{of(m), {}}, b{of(v), {}};
                ops::adamw(ctx, kStep, of(g), to, a, b, with ? &rounded : nullptr);
                return std::array{to, a.values, b.values, rounded};
            };
            const auto expected = run(cpu(), false, true);
            for (size_t k = 0; k < 3; ++k) {
                for (const bool with : {false, true}) {
                    expect_parity(
                        expected[k], [&] { return run(gpu(), true, with)[k]; }, DType::f32, 1e-6);
                }
            }
            expect_parity(expected[3], [&] { return run(gpu(), true, true)[3]; });
        }
    });
}

TEST_P(OptimizerOnGpu, AdamWIn8Bits) {
    for_each_size([&](int64_t size) {
        const int64_t blocks = (size + ops::kMomentBlock - 1) / ops::kMomentBlock;
        const Operand g = random({size}, 1, DType::f32), w = random({size}, 2, DType::f32), m = codes(size, 3),
                      v = codes(size, 4), of_m = magnitudes(blocks, 5), of_v = magnitudes(blocks, 6);
        const auto run = [&](Context& ctx, bool on_gpu) {
            const auto of = [&](const Operand& o) { return clone(ctx, on_gpu ? o.device : o.host); };
            Tensor to = of(w), rounded = empty(ctx, {size}, on_gpu ? type() : DType::f32);
            ops::AdamMoment a{of(m), of(of_m)}, b{of(v), of(of_v)};
            ops::adamw(ctx, kStep, of(g), to, a, b, &rounded);
            return std::array{to, rounded, a.scales, b.scales, a.values, b.values};
        };
        const auto expected = run(cpu(), false);
        expect_parity(
            expected[0], [&] { return run(gpu(), true)[0]; }, DType::f32, 1e-6);
        expect_parity(expected[1], [&] { return run(gpu(), true)[1]; });
        for (const size_t k : {2, 3}) {
            expect_parity(
                expected[k], [&] { return run(gpu(), true)[k]; }, DType::f32, 1e-6);
        }
        const auto found = run(gpu(), true);
        expect_codes(expected[4], found[4]);
        expect_codes(expected[5], found[5]);
    });
}

// Moments that start at zero, as in the first step, and of a gradient that is zero.
TEST_P(OptimizerOnGpu, AdamWIn8BitsFromNothing) {
    const int64_t size = 600;
    for (const bool silent : {false, true}) {
        const Operand g = silent ? on_both(zeros(cpu(), {size})) : random({size}, 1, DType::f32),
                      w = random({size}, 2, DType::f32);
        const auto run = [&](Context& ctx, bool on_gpu) {
            Tensor to = clone(ctx, on_gpu ? w.device : w.host);
            ops::AdamMoment a{zeros(ctx, {size}, DType::u8), zeros(ctx, {3})},
                b{zeros(ctx, {size}, DType::u8), zeros(ctx, {3})};
            ops::adamw(ctx, kStep, on_gpu ? g.device : g.host, to, a, b, nullptr);
            return std::array{to, a.values, b.values};
        };
        const auto expected = run(cpu(), false);
        expect_parity(
            expected[0], [&] { return run(gpu(), true)[0]; }, DType::f32, 1e-6);
        const auto found = run(gpu(), true);
        expect_codes(expected[1], found[1]);
        expect_codes(expected[2], found[2]);
    }
}

INSTANTIATE_TEST_SUITE_P(Types, OptimizerOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
