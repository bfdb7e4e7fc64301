// Sums over rows on the GPU, added to what is there.
#include "cuda/parity.h"
#include "ops/linear.h"

namespace t3video {
namespace {

using namespace testing;

class ColumnSumsOnGpu : public OnGpu {
  protected:
    void check(const Operand& dy) {
        const Operand before = random({dy.host.dim(-1)}, 2, DType::f32);
        Tensor expected = clone(cpu(), before.host);
        ops::add_column_sums(cpu(), dy.host, expected);
        expect_parity(
            expected,
            [&] {
                Tensor sums = clone(gpu(), before.device);
                ops::add_column_sums(gpu(), dy.device, sums);
                return sums;
            },
            DType::f32, 1e-5);
    }
};

TEST_P(ColumnSumsOnGpu, AnySize) {
    for (const int64_t width : {1, 3, 33, 64, 256, 1536, 3072, 5120, 6000}) {
        for (const int64_t rows : {int64_t{0}, int64_t{1}, int64_t{7}, int64_t{width <= 256 ? 20011 : 301}}) {
            SCOPED_TRACE(concat(rows, " x ", width));
            check(random({rows, width}, 1));
        }
    }
}

TEST_P(ColumnSumsOnGpu, RowsThatNoVectorFits) {
    const Operand all = random({100, 33}, 1);
    check({all.host.slice(1, 100), all.device.slice(1, 100)});
    const Operand odd = random({1 + 50 * 64}, 1);
    check({odd.host.slice(1, 3201).reshape({50, 64}), odd.device.slice(1, 3201).reshape({50, 64})});
}

INSTANTIATE_TEST_SUITE_P(Types, ColumnSumsOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
