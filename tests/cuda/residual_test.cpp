// Residual steps with the norm behind them on the GPU: in registers, several rows to a warp, and in two passes.
#include "ops/residual.h"

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class ResidualOnGpu : public OnGpu {
  protected:
    // Runs op(ctx, x, residual, a, b), a and b: [2, width] where `sets` is 2, on both sides for every way of adding,
    // and compares the sums and their norms. 3, 33 and 5120 take two passes.
    template <class Op>
    void check(int64_t sets, Op&& op) {
        for (const int64_t width : {3, 12, 33, 96, 192, 256, 1024, 1536, 3072, 5120}) {
            for (const int64_t rows : {1, 37}) {
                for (const DType th : {DType::f32, type()}) {
                    for (const bool gated : {false, true}) {
                        for (const bool ordered : {false, true}) {
                            SCOPED_TRACE(concat(rows, " x ", width, " ", th, gated ? ", gated" : "",
                                                ordered ? ", ordered" : ""));
                            check(sets, rows, width, th, gated, ordered, op);
                        }
                    }
                }
            }
        }
    }

  private:
    template <class Op>
    void check(int64_t sets, int64_t rows, int64_t width, DType th, bool gated, bool ordered, Op&& op) {
        const int64_t part = ordered ? rows - rows / 3 : rows;
        const Operand x = random({rows, width}, 1, DType::f32), h = random({part, width}, 2, th),
                      gate = random({2, width}, 3, DType::f32), a = random({sets, width}, 4, DType::f32),
                      b = random({sets, width}, 5, DType::f32), order = shuffled(rows, part);
        for (const bool copied : {false, ordered}) {  // the rows of an order, copied one behind another
            const auto rows_of = [&](Context& ctx, const Tensor& from, const Tensor& indices) -> ops::Rows {
                Tensor all = clone(ctx, from);
                if (!ordered) return {all, {}, {.first = 3}};
                if (copied) return {all.slice(0, part), {}, {indices}};
                return {all, indices, {indices}};
            };
            ops::Rows sum = rows_of(cpu(), x.host, order.host), sum_on_gpu;
            const int64_t boundary = rows / 2 + (ordered ? 0 : 3);
            const Tensor norm = op(cpu(), sum, {h.host, gated ? &gate.host : nullptr}, a.host, b.host, boundary);
            const auto on_gpu = [&] {
                sum_on_gpu = rows_of(gpu(), x.device, order.device);
                return op(gpu(), sum_on_gpu, {h.device, gated ? &gate.device : nullptr}, a.device, b.device, boundary);
            };
            expect_parity(norm, on_gpu);
            EXPECT_LE(relative_error(on_host_as_f32(sum_on_gpu.data), sum.data), 1e-6);
        }
    }
};

TEST_P(ResidualOnGpu, Modulate) {
    check(2, [](Context& ctx, ops::Rows& x, const ops::Residual& residual, const Tensor& scale, const Tensor& shift,
                int64_t boundary) { return ops::add_norm_modulate(ctx, x, residual, scale, shift, boundary, 1e-6f); });
}

TEST_P(ResidualOnGpu, Layer) {
    check(1, [](Context& ctx, ops::Rows& x, const ops::Residual& residual, const Tensor& weight, const Tensor& bias,
                int64_t boundary) {
        const Shape width{x.data.dim(1)};
        return ops::add_layer_norm(ctx, x, residual, weight.reshape(width), bias.reshape(width), boundary, 1e-6f);
    });
}

INSTANTIATE_TEST_SUITE_P(Types, ResidualOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
