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

INSTANTIATE_TEST_SUITE_P(Types, NormOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
