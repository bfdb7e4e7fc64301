// Normalisations on the GPU: rows in registers, several to a warp, and of widths that fit no vector.
#include "ops/norm.h"

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class NormOnGpu : public OnGpu {
  protected:
    // Calls f(x) for rows of many widths, in f32 and the compute type. Widths reach each number of registers of both
    // types, beyond them, and beyond what vectors divide.
    template <class F>
    void for_each_input(F&& f) {
        for (const int64_t width : {3, 7, 12, 33, 48, 96, 192, 256, 384, 1000, 1024, 1536, 3072, 3073, 5120, 8192}) {
            for (const int64_t rows : {1, 37}) {
                for (const DType dtype : {DType::f32, type()}) {
                    SCOPED_TRACE(concat(rows, " x ", width, " ", dtype));
                    f(random({rows, width}, 1, dtype));
                }
            }
        }
    }
};

TEST_P(NormOnGpu, Rms) {
    for_each_input([&](const Operand& x) {
        for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
            const Operand w = random({x.host.dim(1)}, 2, dtype);
            expect_parity(ops::rms_norm(cpu(), x.host, w.host, 1e-6f),
                          [&] { return ops::rms_norm(gpu(), x.device, w.device, 1e-6f); });
        }
    });
}

TEST_P(NormOnGpu, Layer) {
    for_each_input([&](const Operand& x) {
        const Operand w = random({x.host.dim(1)}, 2, DType::bf16), b = random({x.host.dim(1)}, 3, DType::f32);
        expect_parity(ops::layer_norm(cpu(), x.host, w.host, b.host, 1e-6f),
                      [&] { return ops::layer_norm(gpu(), x.device, w.device, b.device, 1e-6f); });
    });
}

TEST_P(NormOnGpu, Modulate) {
    for_each_input([&](const Operand& x) {
        const int64_t rows = x.host.dim(0), width = x.host.dim(1);
        for (const int64_t sets : {1, 2}) {
            const Operand scale = random({sets, width}, 2, DType::f32), shift = random({sets, width}, 3, DType::f32);
            for (const int64_t boundary : {int64_t{0}, rows / 2, rows}) {
                expect_parity(ops::norm_modulate(cpu(), {x.host}, scale.host, shift.host, boundary, 1e-6f), [&] {
                    return ops::norm_modulate(gpu(), {x.device}, scale.device, shift.device, boundary, 1e-6f);
                });
            }
        }
    });
}

TEST_P(NormOnGpu, ModulateInAnOrder) {
    for_each_input([&](const Operand& x) {
        const int64_t rows = x.host.dim(0), width = x.host.dim(1);
        const Operand scale = random({2, width}, 2, DType::f32), shift = random({2, width}, 3, DType::f32),
                      order = shuffled(rows, rows - rows / 3);
        expect_parity(
            ops::norm_modulate(cpu(), {x.host, order.host, {order.host}}, scale.host, shift.host, rows / 2, 1e-6f),
            [&] {
                return ops::norm_modulate(gpu(), {x.device, order.device, {order.device}}, scale.device, shift.device,
                                          rows / 2, 1e-6f);
            });
    });
}

TEST_P(NormOnGpu, Channel) {
    for_each_input([&](const Operand& x) {
        const Operand g = random({x.host.dim(1), 1, 1}, 2, DType::f32);
        for (const bool silu : {false, true}) {
            expect_parity(ops::channel_norm(cpu(), x.host, g.host, silu),
                          [&] { return ops::channel_norm(gpu(), x.device, g.device, silu); });
        }
    });
}

TEST_P(NormOnGpu, ChannelOverMoreRowsThanThreads) {
    const Operand x = random({3, 211, 307, 12}, 1), g = random({12}, 2, DType::f32);
    expect_parity(ops::channel_norm(cpu(), x.host, g.host, true),
                  [&] { return ops::channel_norm(gpu(), x.device, g.device, true); });
}

TEST_P(NormOnGpu, ChannelOfZerosIsZero) {
    for (const int64_t width : {5, 96}) {
        const Operand x = on_both(zeros(cpu(), {2, width}, type())), g = random({width}, 2, DType::f32);
        expect_parity(
            x.host, [&] { return ops::channel_norm(gpu(), x.device, g.device, true); }, type(), 0);
    }
}

// Far from zero the variance needs deviations: the difference of E[x^2] = 1e6 and its square would leave one digit.
TEST_P(NormOnGpu, LayerFarFromZero) {
    for (const int64_t width : {33, 1536}) {
        const Operand x = [&] {
            Tensor values = randn(cpu(), {9, width}, 1);
            for (float& v : values.span<float>()) v += 1000.0f;
            return on_both(values);
        }();
        const Operand w = random({width}, 2, DType::f32), b = random({width}, 3, DType::f32);
        // The mean itself carries 1000 * 2^-24 = 6e-5 of the deviations.
        expect_parity(
            ops::layer_norm(cpu(), x.host, w.host, b.host, 1e-6f),
            [&] { return ops::layer_norm(gpu(), x.device, w.device, b.device, 1e-6f); }, type(), bound() + 2e-4);
    }
}

// Rows of a slice start at addresses that no vector fits.
TEST_P(NormOnGpu, UnalignedRows) {
    const Operand all = random({11, 33}, 1), w = random({33}, 2, DType::f32);
    const Operand x{all.host.slice(1, 11), all.device.slice(1, 11)};
    expect_parity(ops::rms_norm(cpu(), x.host, w.host, 1e-6f),
                  [&] { return ops::rms_norm(gpu(), x.device, w.device, 1e-6f); });
    // Aligned rows, unaligned weights.
    const Operand table = random({2, 1 + 96}, 3, DType::f32), y = random({5, 96}, 4);
    const Operand g{table.host.reshape({194}).slice(1, 97), table.device.reshape({194}).slice(1, 97)};
    expect_parity(ops::rms_norm(cpu(), y.host, g.host, 1e-6f),
                  [&] { return ops::rms_norm(gpu(), y.device, g.device, 1e-6f); });
}

// What a backward returns and what it adds to.
struct Gradients {
    Tensor dx, scale, shift;
};

class NormBackwardOnGpu : public OnGpu {
  protected:
    static constexpr double kSums = 1e-5;  // f32 sums of rows in another order

    // Of narrow rows little is left of dx where eps is small: the norm of one element is its sign.
    static float eps_for(int64_t width) { return width < 8 ? 0.5f : 1e-6f; }

    // Calls f(x, dy) for every pair of types. Widths reach each number of registers, beyond them, and beyond what
    // vectors divide; many rows reach every chunk that sums are divided into.
    template <class F>
    void for_each_input(F&& f) {
        for (const int64_t width : {1, 3, 12, 33, 256, 1000, 1536, 3072, 3073, 5120, 6000, 8192}) {
            for (const int64_t rows : {int64_t{1}, int64_t{7}, int64_t{37}, int64_t{width <= 256 ? 5003 : 9}}) {
                for (const DType tx : {DType::f32, type()}) {
                    for (const DType ty : {DType::f32, type()}) {
                        SCOPED_TRACE(concat(rows, " x ", width, " ", tx, " and ", ty));
                        f(random({rows, width}, 1, tx), random({rows, width}, 2, ty));
                    }
                }
            }
        }
    }

    // `run(ctx, on_gpu, with)` returns the gradients, those of parameters only if asked for.
    template <class Run>
    void expect_gradients(Run&& run, DType dx) {
        const Gradients expected = run(cpu(), false, true);
        expect_parity(
            expected.dx, [&] { return run(gpu(), true, true).dx; }, dx, bound(dx));
        expect_parity(
            expected.dx, [&] { return run(gpu(), true, false).dx; }, dx, bound(dx));
        expect_parity(
            expected.scale, [&] { return run(gpu(), true, true).scale; }, DType::f32, kSums);
        if (!expected.shift.defined()) return;
        expect_parity(
            expected.shift, [&] { return run(gpu(), true, true).shift; }, DType::f32, kSums);
    }
};

TEST_P(NormBackwardOnGpu, Rms) {
    for_each_input([&](const Operand& x, const Operand& dy) {
        const int64_t width = x.host.dim(1);
        const Operand w = random({width}, 3), sums = random({width}, 4, DType::f32);
        expect_gradients(
            [&](Context& ctx, bool on_gpu, bool with) {
                const auto of = [&](const Operand& o) { return on_gpu ? o.device : o.host; };
                Gradients g{{}, clone(ctx, of(sums)), {}};
                g.dx = ops::rms_norm_backward(ctx, of(x), of(w), eps_for(width), of(dy), with ? &g.scale : nullptr);
                return g;
            },
            dy.device.dtype());
    });
}

TEST_P(NormBackwardOnGpu, RmsOfUnalignedRows) {
    const Operand all = random({11, 33}, 1), more = random({11, 33}, 2), w = random({33}, 3, DType::f32);
    const Operand x{all.host.slice(1, 11), all.device.slice(1, 11)},
        dy{more.host.slice(1, 11), more.device.slice(1, 11)};
    expect_parity(ops::rms_norm_backward(cpu(), x.host, w.host, 1e-6f, dy.host, nullptr),
                  [&] { return ops::rms_norm_backward(gpu(), x.device, w.device, 1e-6f, dy.device, nullptr); });
}

TEST_P(NormBackwardOnGpu, Layer) {
    for_each_input([&](const Operand& x, const Operand& dy) {
        const int64_t width = x.host.dim(1);
        const Operand w = random({width}, 3), sums = random({2, width}, 4, DType::f32),
                      dx = random(x.host.shape(), 5, DType::f32);
        expect_gradients(
            [&](Context& ctx, bool on_gpu, bool with) {
                const auto of = [&](const Operand& o) { return on_gpu ? o.device : o.host; };
                const Tensor both = clone(ctx, of(sums));
                Gradients g{{}, both.slice(0, 1), both.slice(1, 2)};
                ops::Rows to{clone(ctx, of(dx))};
                ops::layer_norm_backward(ctx, {of(x)}, of(w), eps_for(width), of(dy), to, with ? &g.scale : nullptr,
                                         with ? &g.shift : nullptr);
                g.dx = to.data;
                return g;
            },
            DType::f32);
    });
}

TEST_P(NormBackwardOnGpu, Modulate) {
    for_each_input([&](const Operand& x, const Operand& dy) {
        const int64_t rows = x.host.dim(0), width = x.host.dim(1);
        for (const int64_t sets : {1, 2}) {
            const Operand scale = random({sets, width}, 3, DType::f32), dscale = random({sets, width}, 4, DType::f32),
                          dshift = random({sets, width}, 5, DType::f32), dx = random({rows, width}, 6, DType::f32);
            expect_gradients(
                [&](Context& ctx, bool on_gpu, bool with) {
                    const auto of = [&](const Operand& o) { return on_gpu ? o.device : o.host; };
                    Gradients g{{}, clone(ctx, of(dscale)), clone(ctx, of(dshift))};
                    ops::Rows to{clone(ctx, of(dx))};
                    ops::norm_modulate_backward(ctx, {of(x), {}, {.first = 3}}, of(scale), rows / 2 + 3, eps_for(width),
                                                of(dy), to, with ? &g.scale : nullptr, with ? &g.shift : nullptr);
                    g.dx = to.data;
                    return g;
                },
                DType::f32);
        }
    });
}

// Rows of x lie elsewhere than those of dx, and only one gradient of the parameters is asked for.
TEST_P(NormBackwardOnGpu, ModulateInAnOrder) {
    const int64_t rows = 41, part = 29;
    for (const int64_t width : {5, 96, 1536, 6000}) {
        for (const bool of_scale : {false, true}) {
            SCOPED_TRACE(width);
            const Operand x = random({rows, width}, 1), dy = random({part, width}, 2),
                          scale = random({2, width}, 3, DType::f32), sums = random({2, width}, 4, DType::f32),
                          dx = random({part + 2, width}, 6, DType::f32), from = shuffled(rows, part),
                          to_rows = shuffled(part + 2, part);
            expect_gradients(
                [&](Context& ctx, bool on_gpu, bool with) {
                    const auto of = [&](const Operand& o) { return on_gpu ? o.device : o.host; };
                    Gradients g{{}, clone(ctx, of(sums)), {}};
                    ops::Rows to{clone(ctx, of(dx)), of(to_rows), {of(from)}};
                    ops::norm_modulate_backward(ctx, {of(x), of(from), {of(from)}}, of(scale), 17, 1e-6f, of(dy), to,
                                                with && of_scale ? &g.scale : nullptr,
                                                with && !of_scale ? &g.scale : nullptr);
                    g.dx = to.data;
                    return g;
                },
                DType::f32);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, NormBackwardOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);
INSTANTIATE_TEST_SUITE_P(Types, NormOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
