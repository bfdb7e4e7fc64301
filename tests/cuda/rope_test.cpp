// Rotary embedding on the GPU, alone and behind the norm of queries and keys.
#include "ops/rope.h"

#include <array>

#include "cuda/parity.h"
#include "nn/rope.h"

namespace t3video {
namespace {

using namespace testing;

class RopeOnGpu : public OnGpu {
  protected:
    // The same table for both sides.
    std::pair<ops::RopeTable, ops::RopeTable> tables(const Grid& grid, int64_t head) {
        const ops::RopeTable host = nn::make_rope_table(cpu(), grid, head);
        ops::RopeTable device = host;
        for (Tensor* x : {&device.cos_t, &device.sin_t, &device.cos_h, &device.sin_h, &device.cos_w, &device.sin_w})
            *x = to_device(gpu(), *x);
        return {host, device};
    }

    // Calls f(heads, width of a head). 2, 6 and 10 fit no vector, 12 and 1032 do not divide what a warp
    // reads at once, and 100 heads of 64 do not fit registers.
    template <class F>
    void for_each_head(F&& f) {
        const std::pair<int64_t, int64_t> cases[] = {{1, 2},    {3, 6},    {2, 10},   {4, 8},    {2, 12},   {2, 64},
                                                     {12, 128}, {24, 128}, {40, 128}, {1, 1032}, {100, 64}, {1, 1024}};
        for (const auto& [heads, width] : cases) {
            SCOPED_TRACE(concat(heads, " heads of ", width));
            f(heads, width);
        }
    }
};

TEST_P(RopeOnGpu, Rotation) {
    for_each_head([&](int64_t heads, int64_t width) {
        const auto [host, device] = tables({2, 3, 5}, width);
        const Operand x = random({30, heads * width}, 1);
        expect_parity(ops::rope(cpu(), x.host, host, heads), [&] { return ops::rope(gpu(), x.device, device, heads); });
    });
}

TEST_P(RopeOnGpu, RotationOfPartOfTheTokens) {
    const auto [host, device] = tables({3, 4, 7}, 128);
    const Operand x = random({41, 256}, 1);
    for (const int64_t first : {0, 5, 43}) {
        expect_parity(ops::rope(cpu(), x.host, host, 2, first),
                      [&] { return ops::rope(gpu(), x.device, device, 2, first); });
    }
}

TEST_P(RopeOnGpu, NormThenRotationInPlaceAndNot) {
    for_each_head([&](int64_t heads, int64_t width) {
        const auto [host, device] = tables({2, 3, 5}, width);
        const Operand x = random({23, heads * width}, 1);
        for (const DType dtype : {DType::f32, type()}) {
            const Operand w = random({heads * width}, 2, dtype);
            Tensor expected = empty_like(cpu(), x.host);
            const ops::NormRope on_cpu[] = {{x.host, &w.host, 1e-6f, expected}};
            ops::norm_rope_into(cpu(), on_cpu, host, heads, {.first = 7});
            expect_parity(expected, [&, table = device] {
                Tensor y = empty_like(gpu(), x.device);
                const ops::NormRope on_gpu[] = {{x.device, &w.device, 1e-6f, y}};
                ops::norm_rope_into(gpu(), on_gpu, table, heads, {.first = 7});
                return y;
            });
            expect_parity(expected, [&, table = device] {
                Tensor y = clone(gpu(), x.device);
                const ops::NormRope on_gpu[] = {{y, &w.device, 1e-6f, y}};
                ops::norm_rope_into(gpu(), on_gpu, table, heads, {.first = 7});
                return y;
            });
        }
    });
}

TEST_P(RopeOnGpu, SeveralTensorsInAnOrder) {
    for_each_head([&](int64_t heads, int64_t width) {
        const auto [host, device] = tables({2, 3, 5}, width);
        const Operand q = random({23, heads * width}, 1), k = random({23, heads * width}, 2),
                      w = random({heads * width}, 3), order = shuffled(30, 23);
        Tensor queries = clone(cpu(), q.host), keys = clone(cpu(), k.host);
        const ops::NormRope on_cpu[] = {{queries, &w.host, 1e-6f, queries}, {keys, nullptr, 0, keys}};
        ops::norm_rope_into(cpu(), on_cpu, host, heads, {order.host});
        for (const Tensor* expected : {&queries, &keys}) {
            expect_parity(*expected, [&, table = device] {
                Tensor a = clone(gpu(), q.device), b = clone(gpu(), k.device);
                const ops::NormRope on_gpu[] = {{a, &w.device, 1e-6f, a}, {b, nullptr, 0, b}};
                ops::norm_rope_into(gpu(), on_gpu, table, heads, {order.device});
                return expected == &queries ? a : b;
            });
        }
    });
}

// Of a norm with its rotation and of a rotation alone, beside each other, into fresh rows and over dy.
TEST_P(RopeOnGpu, Backward) {
    for_each_head([&](int64_t heads, int64_t width) {
        const auto [host, device] = tables({2, 3, 5}, width);
        const Shape shape{23, heads * width};
        const float eps = shape[1] < 8 ? 0.5f : 1e-6f;  // of two elements little is left of dx otherwise
        const Operand q = random(shape, 1), k = random(shape, 2), dq = random(shape, 3), dk = random(shape, 4),
                      sums = random({shape[1]}, 6, DType::f32), order = shuffled(30, 23);
        for (const DType dtype : {DType::f32, type()}) {
            const Operand w = random({shape[1]}, 5, dtype);
            for (const bool in_place : {false, true}) {
                for (const bool weighed : {false, true}) {
                    SCOPED_TRACE(concat(dtype, in_place ? ", in place" : "", weighed ? ", with dweight" : ""));
                    const auto run = [&](Context& ctx, bool on_gpu) {
                        const auto of = [&](const Operand& o) { return on_gpu ? o.device : o.host; };
                        const Tensor x = of(q), y = of(k), weight = of(w);
                        Tensor dx = in_place ? clone(ctx, of(dq)) : empty_like(ctx, x),
                               dy = in_place ? clone(ctx, of(dk)) : empty_like(ctx, y), dweight = clone(ctx, of(sums));
                        const Tensor from_x = in_place ? dx : of(dq), from_y = in_place ? dy : of(dk);
                        const ops::NormRopeGradient operands[] = {
                            {x, &weight, eps, from_x, dx, weighed ? &dweight : nullptr},
                            {y, nullptr, 0, from_y, dy, nullptr}};
                        ops::norm_rope_backward_into(ctx, operands, on_gpu ? device : host, heads, {of(order)});
                        return std::array{dx, dy, dweight};
                    };
                    const auto expected = run(cpu(), false);
                    expect_parity(expected[0], [&] { return run(gpu(), true)[0]; });
                    expect_parity(expected[1], [&] { return run(gpu(), true)[1]; });
                    expect_parity(
                        expected[2], [&] { return run(gpu(), true)[2]; }, DType::f32, 1e-5);
                }
            }
        }
    });
}

// More rows than warps, so that a warp sums several.
TEST_P(RopeOnGpu, BackwardOfManyRows) {
    const auto [host, device] = tables({7, 31, 37}, 128);
    const Operand x = random({7901, 256}, 1), dy = random({7901, 256}, 2), w = random({256}, 3),
                  sums = random({256}, 4, DType::f32);
    const auto run = [&](Context& ctx, bool on_gpu) {
        const auto of = [&](const Operand& o) { return on_gpu ? o.device : o.host; };
        const Tensor from = of(x), weight = of(w), gradient = of(dy);
        Tensor dx = empty_like(ctx, from), dweight = clone(ctx, of(sums));
        const ops::NormRopeGradient operands[] = {{from, &weight, 1e-6f, gradient, dx, &dweight}};
        ops::norm_rope_backward_into(ctx, operands, on_gpu ? device : host, 2, {.first = 100});
        return std::array{dx, dweight};
    };
    const auto expected = run(cpu(), false);
    expect_parity(expected[0], [&] { return run(gpu(), true)[0]; });
    expect_parity(
        expected[1], [&] { return run(gpu(), true)[1]; }, DType::f32, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Types, RopeOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
