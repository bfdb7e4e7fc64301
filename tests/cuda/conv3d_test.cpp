// Convolution on the GPU: strides, padding on one side, kernels over time, channels that its libraries do not like.
#include "ops/conv3d.h"

#include <cstring>

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

struct ConvCase {
    Shape x;
    Shape weight;
    ops::Conv3dOptions options;
};

const ConvCase kCases[] = {
    {{1, 5, 7, 3}, {5, 3, 1, 3, 3}, {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1}},
    {{4, 5, 7, 5}, {3, 5, 3, 3, 3}, {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .pad_front = 2}},
    {{3, 9, 6, 12}, {12, 12, 3, 3, 3}, {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1}},
    {{2, 17, 20, 96},
     {96, 96, 3, 3, 3},
     {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .pad_front = 2}},
    {{1, 17, 20, 96}, {3, 96, 3, 3, 3}, {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .pad_front = 2}},
    {{5, 4, 6, 5}, {10, 5, 3, 1, 1}, {.stride_t = 2}},
    {{4, 4, 6, 8}, {16, 8, 3, 1, 1}, {.pad_front = 2}},
    {{2, 8, 10, 12}, {12, 12, 3, 3}, {.stride_h = 2, .stride_w = 2, .pad_bottom = 1, .pad_right = 1}},
    {{2, 7, 9, 5}, {7, 5, 3, 3}, {.stride_h = 2, .stride_w = 2, .pad_bottom = 1, .pad_right = 1}},
    {{2, 6, 5, 16}, {32, 16, 1, 1}, {}},
    {{1, 6, 5, 3}, {4, 3, 2, 2}, {.pad_top = 1, .pad_right = 1}},
    {{1, 1, 1, 1}, {1, 1, 1, 3, 3}, {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1}},
    {{2, 34, 40, 48},
     {96, 48, 3, 3, 3},
     {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .pad_front = 1}},
};

class Conv3dOnGpu : public OnGpu {};

TEST_P(Conv3dOnGpu, StridesPaddingAndChannels) {
    for (const ConvCase& c : kCases) {
        const Operand x = random(c.x, 1), w = random(c.weight, 2), b = random({c.weight[0]}, 3);
        for (const bool with_bias : {false, true}) {
            SCOPED_TRACE(concat("x ", c.x, ", weight ", c.weight, ", bias ", with_bias));
            expect_parity(
                ops::conv3d(cpu(), x.host, w.host, with_bias ? &b.host : nullptr, c.options),
                [&] { return ops::conv3d(gpu(), x.device, w.device, with_bias ? &b.device : nullptr, c.options); },
                type(), loose_bound());
        }
    }
}

TEST_P(Conv3dOnGpu, ResidualsAndRelu) {
    for (const ConvCase& c : kCases) {
        const Operand x = random(c.x, 1), w = random(c.weight, 2), b = random({c.weight[0]}, 3);
        const Operand residual = random(ops::conv3d(cpu(), x.host, w.host, nullptr, c.options).shape(), 4);
        for (const bool relu : {false, true}) {
            SCOPED_TRACE(concat("x ", c.x, ", weight ", c.weight, ", relu ", relu));
            const auto run = [&](Context& ctx, const Tensor& x_, const Tensor& w_, const Tensor& b_, const Tensor& r,
                                 bool in_place) {
                ops::Conv3dOptions options = c.options;
                options.relu = relu;
                Tensor y = clone(ctx, r);
                options.residual = in_place ? &y : &r;
                ops::conv3d_into(ctx, x_, w_, &b_, options, y);
                return y;
            };
            for (const bool in_place : {false, true}) {
                expect_parity(
                    run(cpu(), x.host, w.host, b.host, residual.host, in_place),
                    [&] { return run(gpu(), x.device, w.device, b.device, residual.device, in_place); }, type(),
                    loose_bound());
            }
        }
    }
}

// The residual in two pieces, as bands of a video have it, gives the bits of one in one piece.
TEST_P(Conv3dOnGpu, ResidualsBelowTheRowsAbove) {
    for (const ConvCase& c : kCases) {
        SCOPED_TRACE(concat("x ", c.x, ", weight ", c.weight));
        const Operand x = random(c.x, 1), w = random(c.weight, 2);
        const Shape shape = ops::conv3d(cpu(), x.host, w.host, nullptr, c.options).shape();
        const int64_t rows = shape[1] / 2, below = shape[1] - rows + 1;
        if (rows == 0) continue;
        const Operand above = random({shape[0], rows, shape[2], shape[3]}, 3),
                      rest = random({shape[0], below, shape[2], shape[3]}, 4);
        const Tensor whole = empty(gpu(), shape, type());
        for (int64_t t = 0; t < shape[0]; ++t) {
            const auto put = [&](const Tensor& from, int64_t first, int64_t count) {
                const int64_t row = shape[2] * shape[3];
                Tensor to = whole.slice(t, t + 1).reshape({shape[1], row}).slice(first, first + count);
                copy_into(gpu(), to, from.slice(t, t + 1).reshape({from.dim(1), row}).slice(0, count));
            };
            put(above.device, 0, rows);
            put(rest.device, rows, shape[1] - rows);
        }
        ops::Conv3dOptions one = c.options, two = c.options;
        one.residual = &whole;
        two.residual = &rest.device;
        two.residual_above = &above.device;
        const Tensor expected = to_host(gpu(), ops::conv3d(gpu(), x.device, w.device, nullptr, one)),
                     found = to_host(gpu(), ops::conv3d(gpu(), x.device, w.device, nullptr, two));
        EXPECT_EQ(std::memcmp(expected.raw(), found.raw(), found.bytes()), 0);
    }
}

TEST_P(Conv3dOnGpu, PartsFollowOneAnother) {
    for (const int64_t channels : {3, 12, 96}) {
        SCOPED_TRACE(channels);
        const Operand a = random({1, 6, 7, channels}, 1), b = random({3, 6, 7, channels}, 2),
                      c = random({2, 6, 7, channels}, 3), w = random({channels, channels, 3, 3, 3}, 4),
                      bias = random({channels}, 5);
        const ops::Conv3dOptions options{.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .pad_front = 1};
        expect_parity(
            ops::conv3d(cpu(), std::array{a.host, b.host, c.host}, w.host, &bias.host, options),
            [&] {
                return ops::conv3d(gpu(), std::array{a.device, b.device, c.device}, w.device, &bias.device, options);
            },
            type(), loose_bound());
    }
}

TEST_P(Conv3dOnGpu, UpsampleConv2d) {
    for (const auto& [shape, out] : {std::pair{Shape{1, 5, 7, 3}, 5},
                                     {{3, 4, 6, 5}, 3},
                                     {{2, 9, 6, 12}, 12},
                                     {{1, 17, 10, 192}, 96},
                                     {{1, 1, 1, 8}, 8}}) {
        const Operand x = random(shape, 1), w = random({out, shape[3], 3, 3}, 2), b = random({out}, 3);
        for (const bool with_bias : {false, true}) {
            SCOPED_TRACE(concat("x ", shape, " to ", out, ", bias ", with_bias));
            for (const int64_t top : {0, 1}) {
                for (const int64_t bottom : {0, 1}) {
                    if (2 * shape[1] - 2 + top + bottom == 0) continue;
                    SCOPED_TRACE(concat("zero rows: ", top, " and ", bottom));
                    const auto run = [&](Context& ctx, const Tensor& x_, const Tensor& w_, const Tensor& b_) {
                        return ops::upsample_conv2d(ctx, x_, w_, with_bias ? &b_ : nullptr, top, bottom);
                    };
                    expect_parity(
                        run(cpu(), x.host, w.host, b.host), [&] { return run(gpu(), x.device, w.device, b.device); },
                        type(), loose_bound());
                }
            }
        }
    }
}

TEST_P(Conv3dOnGpu, UpsampleConv2dWithRelu) {
    for (const auto& [shape, out] : {std::pair{Shape{2, 5, 7, 3}, 5}, {{1, 17, 10, 64}, 64}, {{1, 9, 10, 128}, 64}}) {
        SCOPED_TRACE(concat("x ", shape, " to ", out));
        const Operand x = random(shape, 1), w = random({out, shape[3], 3, 3}, 2);
        const auto run = [&, out = out](Context& ctx, const Tensor& x_, const Tensor& w_) {
            Tensor y = empty(ctx, {x_.dim(0), 2 * x_.dim(1), 2 * x_.dim(2), out}, x_.dtype());
            ops::upsample_conv2d_into(ctx, x_, w_, nullptr, true, y);
            return y;
        };
        expect_parity(
            run(cpu(), x.host, w.host), [&] { return run(gpu(), x.device, w.device); }, type(), loose_bound());
    }
}

INSTANTIATE_TEST_SUITE_P(Types, Conv3dOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
