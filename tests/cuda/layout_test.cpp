// Moving data on the GPU changes no value.
#include "ops/layout.h"

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class LayoutOnGpu : public OnGpu {};

TEST_P(LayoutOnGpu, GatherRows) {
    const std::array<int64_t, 7> ids{3, 0, 12, 12, 5, 1, 3};
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
        for (const int64_t width : {1, 5, 64, 4096}) {
            SCOPED_TRACE(concat(width, " of ", dtype));
            const Operand table = random({13, width}, 1, dtype);
            expect_parity(
                ops::gather_rows(cpu(), table.host, ids), [&] { return ops::gather_rows(gpu(), table.device, ids); },
                DType::f32, 0);
        }
    }
}

TEST_P(LayoutOnGpu, Concat) {
    const Operand a = random({3, 5, 7}, 1), b = random({1, 5, 7}, 2), c = random({0, 5, 7}, 3),
                  d = random({4, 5, 7}, 4);
    expect_parity(
        ops::concat(cpu(), std::array{a.host, b.host, c.host, d.host}),
        [&] {
            return ops::concat(gpu(), std::array{a.device, b.device, c.device, d.device});
        },
        type(), 0);
}

TEST_P(LayoutOnGpu, Transpose) {
    for (const Shape& shape :
         {Shape{1, 1}, {33, 65}, {3, 1000}, {1000, 16}, {131, 67}, {32, 64}, {2049, 3}, {5000, 700}}) {
        SCOPED_TRACE(shape);
        const Operand x = random(shape, 1);
        expect_parity(
            ops::transpose(cpu(), x.host), [&] { return ops::transpose(gpu(), x.device); }, type(), 0);
    }
}

TEST_P(LayoutOnGpu, Columns) {
    const Operand odd = random({9, 23}, 1), even = random({300, 3 * 384}, 2);
    for (const auto& [begin, end] : {std::pair{0, 23}, {1, 2}, {4, 12}, {22, 23}, {5, 5}}) {
        expect_parity(
            ops::columns(cpu(), odd.host, begin, end), [&] { return ops::columns(gpu(), odd.device, begin, end); },
            type(), 0);
    }
    for (const auto& [begin, end] : {std::pair{0, 384}, {384, 768}, {2, 6}, {4, 1000}, {1, 1152}}) {
        expect_parity(
            ops::columns(cpu(), even.host, begin, end), [&] { return ops::columns(gpu(), even.device, begin, end); },
            type(), 0);
    }
}

TEST_P(LayoutOnGpu, Patchify) {
    for (const Shape& shape : {Shape{16, 3, 6, 10}, {3, 1, 4, 2}, {48, 2, 34, 290}, {1, 1, 2, 2}}) {
        SCOPED_TRACE(shape);
        const Operand x = random(shape, 1, DType::f32);
        const Tensor expected =
            ops::convert(cpu(), ops::convert(cpu(), ops::patchify(cpu(), x.host), type()), DType::f32);
        expect_parity(
            expected, [&] { return ops::patchify(gpu(), x.device); }, type(), 0);
    }
}

TEST_P(LayoutOnGpu, Unpatchify) {
    for (const Grid& grid : {Grid{3, 3, 5}, {1, 1, 1}, {2, 17, 145}}) {
        for (const int64_t channels : {1, 3, 16, 48}) {
            SCOPED_TRACE(concat(grid, ", ", channels));
            const Operand x = random({grid.tokens(), 4 * channels}, 1);
            expect_parity(
                ops::unpatchify(cpu(), x.host, grid), [&] { return ops::unpatchify(gpu(), x.device, grid); },
                DType::f32, 0);
        }
    }
}

TEST_P(LayoutOnGpu, UnpatchifyBackward) {
    for (const Shape& shape : {Shape{16, 3, 6, 10}, {3, 1, 4, 2}, {48, 2, 34, 290}, {1, 1, 2, 2}}) {
        SCOPED_TRACE(shape);
        const Operand dy = random(shape, 1, DType::f32);
        const Tensor expected =
            ops::convert(cpu(), ops::convert(cpu(), ops::unpatchify_backward(cpu(), dy.host), type()), DType::f32);
        expect_parity(
            expected, [&] { return ops::unpatchify_backward(gpu(), dy.device); }, type(), 0);
    }
}

TEST_P(LayoutOnGpu, TakeRows) {
    const int64_t rows = 37, part = 23;
    for (const DType from : {DType::f32, type()}) {
        for (const DType to : {DType::f32, type()}) {
            for (const int64_t width : {1, 3, 33, 256, 1536, 6000}) {
                SCOPED_TRACE(concat(width, " of ", from, " to ", to));
                const Operand x = random({rows, width}, 1, from), order = shuffled(rows, part);
                const auto rounded = [&](const Tensor& y) {
                    return ops::convert(cpu(), ops::convert(cpu(), y, to), DType::f32);
                };
                expect_parity(
                    rounded(x.host), [&] { return ops::take_rows(gpu(), {x.device}, to); }, to, 0);
                expect_parity(
                    rounded(ops::take_rows(cpu(), {x.host, order.host}, DType::f32)),
                    [&] {
                        return ops::take_rows(gpu(), {x.device, order.device}, to);
                    },
                    to, 0);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, LayoutOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
