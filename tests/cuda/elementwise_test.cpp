// Elementwise arithmetic on the GPU, with operands of both types and addresses that no vector fits.
#include "ops/elementwise.h"

#include <algorithm>
#include <array>
#include <vector>

#include "cuda/parity.h"
#include "ops/weighted_sum.h"

namespace t3video {
namespace {

using namespace testing;

class ElementwiseOnGpu : public OnGpu {
  protected:
    // Calls f(a, b) for operands of every pair of types and many sizes; the last two start at odd addresses.
    template <class F>
    void for_each_pair(F&& f) {
        for (const DType ta : {DType::f32, type()}) {
            for (const DType tb : {DType::f32, type()}) {
                for (const int64_t size : {1, 7, 8, 255, 4096, 1000003}) {
                    SCOPED_TRACE(concat(size, " of ", ta, " and ", tb));
                    const Operand a = random({size}, 1, ta), b = random({size}, 2, tb);
                    f(a, b);
                    f({a.host.slice(1, size), a.device.slice(1, size)},
                      {b.host.slice(1, size), b.device.slice(1, size)});
                }
            }
        }
    }
};

TEST_P(ElementwiseOnGpu, MulAndAxpby) {
    for_each_pair([&](const Operand& a, const Operand& b) {
        const DType result = a.device.dtype();
        expect_parity(
            ops::mul(cpu(), a.host, b.host), [&] { return ops::mul(gpu(), a.device, b.device); }, result,
            bound(result));
        expect_parity(
            ops::axpby(cpu(), 0.75f, a.host, -2.5f, b.host),
            [&] { return ops::axpby(gpu(), 0.75f, a.device, -2.5f, b.device); }, result, bound(result));
    });
}

// Rounded alike, the sums have the same bits on both sides.
TEST_P(ElementwiseOnGpu, WeightedSum) {
    for (const int64_t size : {1, 255, 1000003}) {
        const Operand a = random({size}, 1, DType::f32), b = random({size}, 2, DType::f32);
        const auto sum = [&](Context& ctx, Tensor Operand::*side) {
            const ops::Split first = ops::weighted_sum(ctx, {{0.9876543210987654, a.*side}, {-1.0 / 3, b.*side}});
            return ops::weighted_sum(ctx, {{0.7, first.high}, {0.7, first.low}, {1e-3, a.*side}});
        };
        const ops::Split expected = sum(cpu(), &Operand::host), found = sum(gpu(), &Operand::device);
        for (const auto& [on_gpu, on_cpu] : {std::pair(found.high, expected.high), std::pair(found.low, expected.low)})
            EXPECT_TRUE(std::ranges::equal(to_host(gpu(), on_gpu).span<float>(), on_cpu.span<float>())) << size;
    }
}

TEST_P(ElementwiseOnGpu, AddTo) {
    for_each_pair([&](const Operand& a, const Operand& b) {
        const DType result = a.device.dtype();
        expect_parity(
            ops::add(cpu(), a.host, b.host),
            [&] {
                Tensor x = clone(gpu(), a.device);
                ops::add_to(gpu(), x, b.device);
                return x;
            },
            result, bound(result));
    });
}

TEST_P(ElementwiseOnGpu, Activations) {
    for (const int64_t size : {1, 9, 100003}) {
        const Operand x = random({size}, 1);
        expect_parity(ops::silu(cpu(), x.host), [&] { return ops::silu(gpu(), x.device); });
        expect_parity(ops::gelu_tanh(cpu(), x.host), [&] { return ops::gelu_tanh(gpu(), x.device); });
        expect_parity(ops::soft_clamp(cpu(), x.host, 0.75f), [&] { return ops::soft_clamp(gpu(), x.device, 0.75f); });
    }
}

TEST_P(ElementwiseOnGpu, ActivationsOfLargeValues) {
    const Tensor values =
        from_span(cpu(), std::array{-1e30f, -1e4f, -100.0f, -87.5f, -20.0f, 0.0f, 20.0f, 87.5f, 1e30f}, {9});
    const Operand x = on_both(ops::convert(cpu(), values, type()));
    for (const auto& op : {ops::silu, ops::gelu_tanh}) {
        const Tensor y = on_host_as_f32(op(gpu(), x.device));
        for (int64_t i = 0; i < 9; ++i) {
            const float in = x.host.data<float>()[i], out = y.data<float>()[i];
            SCOPED_TRACE(in);
            if (in > 0) {
                EXPECT_EQ(out, in);
            } else {
                EXPECT_LE(std::abs(out), std::max(1e-7f, std::abs(in) * 1e-30f));
            }
        }
    }
}

TEST_P(ElementwiseOnGpu, AddGatedTo) {
    for (const DType tx : {DType::f32, type()}) {
        for (const DType th : {DType::f32, type()}) {
            for (const int64_t width : {1, 5, 12, 96, 1536, 3072}) {
                for (const int64_t sets : {1, 2}) {
                    const int64_t rows = 37;
                    const Operand x = random({rows, width}, 1, tx), h = random({rows, width}, 2, th),
                                  gate = random({sets, width}, 3, DType::f32);
                    for (const int64_t boundary : {int64_t{0}, int64_t{10}, rows}) {
                        SCOPED_TRACE(concat(width, " of ", tx, " and ", th, ", ", sets, " sets, boundary ", boundary));
                        ops::Rows expected{clone(cpu(), x.host)};
                        ops::add_gated_to(cpu(), expected, gate.host, h.host, boundary);
                        expect_parity(
                            expected.data,
                            [&] {
                                ops::Rows y{clone(gpu(), x.device)};
                                ops::add_gated_to(gpu(), y, gate.device, h.device, boundary);
                                return y.data;
                            },
                            tx, bound(tx));
                    }
                }
            }
        }
    }
}

TEST_P(ElementwiseOnGpu, AddGatedToTheRowsOfAnOrder) {
    const int64_t rows = 37, part = 23;
    for (const DType th : {DType::f32, type()}) {
        for (const int64_t width : {5, 96, 1536}) {
            SCOPED_TRACE(concat(width, " of ", th));
            const Operand x = random({rows, width}, 1, DType::f32), h = random({part, width}, 2, th),
                          gate = random({2, width}, 3, DType::f32), order = shuffled(rows, part);
            ops::Rows expected{clone(cpu(), x.host), order.host, {order.host}};
            ops::add_gated_to(cpu(), expected, gate.host, h.host, 10);
            expect_parity(
                expected.data,
                [&] {
                    ops::Rows y{clone(gpu(), x.device), order.device, {order.device}};
                    ops::add_gated_to(gpu(), y, gate.device, h.device, 10);
                    return y.data;
                },
                DType::f32, bound(DType::f32));
        }
    }
}

TEST_P(ElementwiseOnGpu, Affine) {
    for (const int64_t width : {1, 3, 16, 48, 96, 1000}) {
        const Operand x = random({2, 3, 7, width}, 1), scale = random({width}, 2, DType::f32),
                      shift = random({width}, 3, DType::f32);
        expect_parity(ops::affine(cpu(), x.host, scale.host, shift.host),
                      [&] { return ops::affine(gpu(), x.device, scale.device, shift.device); });
    }
}

TEST_P(ElementwiseOnGpu, ActivationsBackward) {
    for_each_pair([&](const Operand& x, const Operand& dy) {
        const DType result = dy.device.dtype();
        for (const auto& op : {ops::silu_backward, ops::gelu_tanh_backward}) {
            expect_parity(
                op(cpu(), x.host, dy.host), [&] { return op(gpu(), x.device, dy.device); }, result, bound(result));
        }
    });
}

TEST_P(ElementwiseOnGpu, ActivationsBackwardOfLargeValues) {
    const Tensor values =
        from_span(cpu(), std::array{-1e30f, -1e4f, -100.0f, -87.5f, -20.0f, 20.0f, 87.5f, 1e4f, 1e30f}, {9});
    const Operand x = on_both(ops::convert(cpu(), values, type())),
                  dy = on_both(from_span(cpu(), std::vector<float>(9, 1.0f), {9}));
    for (const auto& op : {ops::silu_backward, ops::gelu_tanh_backward}) {
        const Tensor dx = on_host_as_f32(op(gpu(), x.device, dy.device));
        for (int64_t i = 0; i < 9; ++i) {
            SCOPED_TRACE(values.data<float>()[i]);
            EXPECT_NEAR(dx.data<float>()[i], i < 5 ? 0.0f : 1.0f, 1e-6f);
        }
    }
}

TEST_P(ElementwiseOnGpu, AddGatedBackward) {
    for (const DType tx : {DType::f32, type()}) {
        for (const DType th : {DType::f32, type()}) {
            for (const int64_t width : {1, 3, 33, 256, 1536, 3072, 5120, 6000}) {
                for (const int64_t rows : {int64_t{1}, int64_t{37}, int64_t{width <= 256 ? 5003 : 9}}) {
                    for (const int64_t sets : {1, 2}) {
                        for (const bool ordered : {false, true}) {
                            SCOPED_TRACE(concat(rows, " x ", width, " of ", tx, " and ", th, ", ", sets, " sets",
                                                ordered ? ", ordered" : ""));
                            const int64_t part = ordered ? rows - rows / 3 : rows;
                            const Operand dx = random({rows, width}, 1, tx), h = random({part, width}, 2, th),
                                          gate = random({sets, width}, 3, DType::f32),
                                          sums = random({sets, width}, 4, DType::f32), order = shuffled(rows, part);
                            const auto run = [&](Context& ctx, bool on_gpu, bool with) {
                                const auto of = [&](const Operand& o) { return on_gpu ? o.device : o.host; };
                                const ops::Rows from = ordered ? ops::Rows{of(dx), of(order), {of(order)}}
                                                               : ops::Rows{of(dx), {}, {.first = 3}};
                                Tensor dgate = clone(ctx, of(sums));
                                const Tensor dh = ops::add_gated_backward(ctx, from, of(gate), of(h), rows / 2 + 3,
                                                                          with ? &dgate : nullptr);
                                return std::array{dh, dgate};
                            };
                            const auto expected = run(cpu(), false, true);
                            for (const bool with : {false, true}) {
                                expect_parity(
                                    expected[0], [&] { return run(gpu(), true, with)[0]; }, th, bound(th));
                            }
                            expect_parity(
                                expected[1], [&] { return run(gpu(), true, true)[1]; }, DType::f32, 1e-5);
                        }
                    }
                }
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, ElementwiseOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
