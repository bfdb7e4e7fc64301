// conv3d and upsample_conv2d against loops in double: odd sizes, strides, uneven padding, every weight type, frames in
// parts.
#include "ops/conv3d.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cpu/conv3d.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using namespace testing;

// Values of a frame, row and column outside the array are zero.
double at(const std::vector<double>& x, const Shape& shape, int64_t t, int64_t h, int64_t w, int64_t c) {
    if (t < 0 || h < 0 || w < 0 || t >= shape[0] || h >= shape[1] || w >= shape[2]) return 0;
    return x[static_cast<size_t>(((t * shape[1] + h) * shape[2] + w) * shape[3] + c)];
}

// The convolution by its definition; weight [co, ci, kt, kh, kw].
std::vector<double> reference(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias,
                              const ops::Conv3dOptions& o) {
    const auto dx = doubles(ctx, x), dw = doubles(ctx, weight);
    const auto db = bias ? doubles(ctx, *bias) : std::vector<double>(static_cast<size_t>(weight.dim(0)), 0.0);
    const Shape& k = weight.shape();
    const int64_t frames = (o.pad_front + x.dim(0) - k[2]) / o.stride_t + 1;
    const int64_t rows = (o.pad_top + x.dim(1) + o.pad_bottom - k[3]) / o.stride_h + 1;
    const int64_t columns = (o.pad_left + x.dim(2) + o.pad_right - k[4]) / o.stride_w + 1;
    std::vector<double> y;
    for (int64_t out = 0; out < frames * rows * columns * k[0]; ++out) {
        const int64_t co = out % k[0], w = out / k[0] % columns, h = out / k[0] / columns % rows;
        const int64_t t = out / k[0] / columns / rows;
        double sum = db[static_cast<size_t>(co)];
        for (int64_t tap = 0; tap < k[1] * k[2] * k[3] * k[4]; ++tap) {
            const int64_t dw_ = tap % k[4], dh = tap / k[4] % k[3], dt = tap / k[4] / k[3] % k[2];
            const int64_t ci = tap / k[4] / k[3] / k[2];
            sum += dw[static_cast<size_t>(co * k[1] * k[2] * k[3] * k[4] + tap)] *
                   at(dx, x.shape(), t * o.stride_t + dt - o.pad_front, h * o.stride_h + dh - o.pad_top,
                      w * o.stride_w + dw_ - o.pad_left, ci);
        }
        y.push_back(sum);
    }
    return y;
}

struct ConvCase {
    Shape x, weight;
    DType dtype;
    bool bias;
    ops::Conv3dOptions options;
};

constexpr ops::Conv3dOptions kSame{.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1};

const ConvCase kCases[] = {
    {{1, 1, 1, 1}, {1, 1, 1, 1, 1}, DType::f32, true, {}},
    {{2, 5, 7, 3}, {9, 3, 1, 1, 1}, DType::bf16, true, {}},
    {{3, 5, 7, 17}, {5, 17, 1, 3, 3}, DType::f16, false, kSame},
    {{3, 6, 4, 16}, {33, 16, 3, 3, 3}, DType::f32, true, kSame},
    {{4, 9, 11, 5},
     {3, 5, 3, 3, 3},
     DType::bf16,
     true,
     {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .pad_front = 2}},
    {{1, 3, 3, 4},
     {8, 4, 3, 3, 3},
     DType::f32,
     false,
     {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .pad_front = 2}},
    {{5, 4, 3, 6}, {6, 6, 3, 1, 1}, DType::f32, true, {.stride_t = 2}},
    {{7, 2, 3, 6}, {12, 6, 3, 1, 1}, DType::f16, true, {.pad_front = 2}},
    {{2, 8, 10, 4}, {4, 4, 1, 3, 3}, DType::f32, true, {.stride_h = 2, .stride_w = 2, .pad_bottom = 1, .pad_right = 1}},
    {{3, 9, 7, 5},
     {4, 5, 2, 4, 3},
     DType::f32,
     true,
     {.stride_t = 1, .stride_h = 3, .stride_w = 2, .pad_top = 2, .pad_right = 1}},
};

class Conv3d : public ::testing::TestWithParam<ConvCase> {};

TEST_P(Conv3d, MatchesDefinition) {
    const ConvCase& c = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, c.x, 1), w = randn(ctx, c.weight, 2, c.dtype),
                 b = randn(ctx, {c.weight[0]}, 3, c.dtype);
    const Tensor* bias = c.bias ? &b : nullptr;
    EXPECT_LT(relative_error(ops::conv3d(ctx, x, w, bias, c.options), reference(ctx, x, w, bias, c.options)), 2e-6);
}

// A run that only counts sees no less memory than preparing takes.
TEST_P(Conv3d, PreparedOnceGivesTheSameBits) {
    const ConvCase& c = GetParam();
    Context ctx, meta = make_meta_context(DType::f32, Device::cpu);
    const Tensor x = randn(ctx, c.x, 1), w = randn(ctx, c.weight, 2, c.dtype);
    const ops::Prepared taps = ops::prepare(ctx, w, ops::Role::convolution);
    const Tensor expected = ops::conv3d(ctx, x, w, nullptr, c.options);
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(doubles(ctx, ops::conv3d(ctx, x, taps, nullptr, c.options)), doubles(ctx, expected));
    const ops::Prepared counted = ops::prepare(meta, unbacked(c.weight, c.dtype), ops::Role::convolution);
    EXPECT_GE(counted.bytes(), taps.bytes());
    EXPECT_GT(meta.allocator().peak(), taps.bytes());
}

TEST_P(Conv3d, BandsOfRowsChangeNothing) {
    const ConvCase& c = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, c.x, 1), w = randn(ctx, c.weight, 2, c.dtype),
                 b = randn(ctx, {c.weight[0]}, 3, c.dtype);
    const ops::Conv3dOptions& o = c.options;
    const Tensor whole = ops::conv3d(ctx, x, w, &b, o);
    const ops::FrameConv frame{c.x[1],     c.x[2],     c.x[3],    c.weight[0],  c.weight[3], c.weight[4],
                               o.stride_h, o.stride_w, o.pad_top, o.pad_bottom, o.pad_left,  o.pad_right};
    std::vector<const float*> frames(static_cast<size_t>(o.pad_front), nullptr);
    for (int64_t t = 0; t < x.dim(0); ++t) frames.push_back(x.slice(t, t + 1).data<float>());
    const ops::Prepared taps = ops::prepare(ctx, w, ops::Role::convolution);
    for (const int64_t band_elements :
         {int64_t{1}, 2 * std::max(c.x[2] * c.x[3] * o.stride_h, frame.out_w() * frame.co)}) {
        Tensor y = empty_like(ctx, whole);
        cpu::conv3d(ctx, frames, taps, {.bias = &b}, frame, o.stride_t, y, band_elements);
        EXPECT_LT(relative_error(y, whole), 1e-6) << "bands of " << band_elements << " elements";
    }
}

// relu, a residual apart from the result and in its place, in one band and in many: over kernels of one tap and several
// of time, with frames that see zeros only.
TEST_P(Conv3d, AddsAResidualAndDropsWhatIsNegative) {
    const ConvCase& c = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, c.x, 1), w = randn(ctx, c.weight, 2, c.dtype),
                 b = randn(ctx, {c.weight[0]}, 3, c.dtype);
    const Tensor* bias = c.bias ? &b : nullptr;
    const std::vector<double> sums = reference(ctx, x, w, bias, c.options);
    const Shape shape = ops::conv3d(ctx, x, w, bias, c.options).shape();
    const Tensor residual = randn(ctx, shape, 4);
    for (const bool adds : {false, true}) {
        for (const bool relu : {false, true}) {
            std::vector<double> expected = sums;
            for (size_t i = 0; i < sums.size(); ++i) {
                if (adds) expected[i] += double{residual.span<float>()[i]};
                if (relu) expected[i] = std::max(0.0, expected[i]);
            }
            ops::Conv3dOptions options = c.options;
            options.relu = relu;
            if (adds) options.residual = &residual;
            EXPECT_LT(relative_error(ops::conv3d(ctx, x, w, bias, options), expected), 2e-6);
            Tensor y = clone(ctx, residual);
            if (adds) options.residual = &y;
            ops::conv3d_into(ctx, x, w, bias, options, y);
            EXPECT_LT(relative_error(y, expected), 2e-6) << "in place";
        }
    }
}

// Its first rows from one tensor, the others from the first rows of another: the bits of a whole one.
TEST_P(Conv3d, AddsAResidualBelowTheRowsAbove) {
    const ConvCase& c = GetParam();
    Context ctx;
    const Tensor x = randn(ctx, c.x, 1), w = randn(ctx, c.weight, 2, c.dtype);
    const Shape shape = ops::conv3d(ctx, x, w, nullptr, c.options).shape();
    const int64_t frames = shape[0], height = shape[1], row = shape[2] * shape[3];
    const Tensor whole = randn(ctx, shape, 4);
    for (const int64_t rows : {int64_t{0}, height / 2, height}) {
        const int64_t below = height - rows + 3;  // more than the result has
        Tensor above = empty(ctx, {frames, rows, shape[2], shape[3]});
        Tensor rest = randn(ctx, {frames, below, shape[2], shape[3]}, 5);
        for (int64_t t = 0; t < frames; ++t) {
            const auto from = whole.span<float>().subspan(static_cast<size_t>(t * height * row));
            std::ranges::copy(from.first(static_cast<size_t>(rows * row)), &above.span<float>()[t * rows * row]);
            std::ranges::copy(from.subspan(rows * row, (height - rows) * row), &rest.span<float>()[t * below * row]);
        }
        ops::Conv3dOptions options = c.options, parts = c.options;
        options.residual = &whole;
        parts.residual = &rest;
        if (rows > 0) parts.residual_above = &above;
        EXPECT_EQ(relative_error(ops::conv3d(ctx, x, w, nullptr, parts), ops::conv3d(ctx, x, w, nullptr, options)), 0)
            << rows;
    }
}

TEST(Conv3d, RefusesAResidualOrAResultOfAnotherShape) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 4, 5, 3}, 1), w = randn(ctx, {4, 3, 1, 1}, 2), other = randn(ctx, {2, 4, 5, 3}, 3);
    EXPECT_THROW(ops::conv3d(ctx, x, w, nullptr, {.residual = &other}), Error);
    const Tensor fits = randn(ctx, {2, 3, 5, 4}, 4), high = randn(ctx, {2, 5, 5, 4}, 5);
    EXPECT_THROW(ops::conv3d(ctx, x, w, nullptr, {.residual = &fits}), Error) << "a row is missing";
    EXPECT_THROW(ops::conv3d(ctx, x, w, nullptr, {.residual = &fits, .residual_above = &high}), Error);
    EXPECT_THROW(ops::conv3d(ctx, x, w, nullptr, {.residual_above = &fits}), Error) << "nothing below";
    Tensor y = randn(ctx, {2, 4, 4, 4}, 4);
    EXPECT_THROW(ops::conv3d_into(ctx, x, w, nullptr, {}, y), Error);
}

INSTANTIATE_TEST_SUITE_P(Cases, Conv3d, ::testing::ValuesIn(kCases));

TEST(Conv3d, PartsAreJoinedInTime) {
    Context ctx;
    const Tensor x = randn(ctx, {5, 4, 3, 6}, 1), w = randn(ctx, {4, 6, 3, 3, 3}, 2), b = randn(ctx, {4}, 3);
    const std::vector<Tensor> parts{x.slice(0, 1), x.slice(1, 2), x.slice(2, 5)};
    EXPECT_EQ(relative_error(ops::conv3d(ctx, parts, w, &b, kSame), ops::conv3d(ctx, x, w, &b, kSame)), 0);
}

TEST(Conv3d, FourAxesOfWeightMeanOneFrame) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 4, 3, 6}, 1), w = randn(ctx, {4, 6, 3, 3}, 2);
    const Tensor y = ops::conv3d(ctx, x, w.reshape({4, 6, 1, 3, 3}), nullptr, kSame);
    EXPECT_EQ(relative_error(ops::conv3d(ctx, x, w, nullptr, kSame), y), 0);
}

TEST(Conv3d, NamesBothShapes) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 4, 3, 6}, 1);
    EXPECT_THROW(ops::conv3d(ctx, x, randn(ctx, {4, 6, 3, 1, 1}, 2), nullptr, {}),
                 Error);  // fewer frames than the kernel
    try {
        ops::conv3d(ctx, x, randn(ctx, {4, 5, 1, 1, 1}, 2), nullptr, {});
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("[4, 5, 1, 1, 1] for x [2, 4, 3, 6]"), std::string::npos)
            << error.what();
    }
}

class UpsampleConv2d : public ::testing::TestWithParam<DType> {};

TEST_P(UpsampleConv2d, MatchesDoublingThenConvolution) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 5, 3, 7}, 1), w = randn(ctx, {6, 7, 3, 3}, 2, GetParam()), b = randn(ctx, {6}, 3);
    Tensor doubled = empty(ctx, {2, 10, 6, 7});
    for (int64_t i = 0; i < doubled.numel(); ++i) {
        const int64_t c = i % 7, column = i / 7 % 6, row = i / 42 % 10, t = i / 420;
        doubled.data<float>()[i] = x.data<float>()[((t * 5 + row / 2) * 3 + column / 2) * 7 + c];
    }
    for (const int64_t top : {0, 1}) {
        for (const int64_t bottom : {0, 1}) {
            const ops::Conv3dOptions padding{.pad_top = top, .pad_bottom = bottom, .pad_left = 1, .pad_right = 1};
            const Tensor y = ops::upsample_conv2d(ctx, x, w, &b, top, bottom);
            EXPECT_EQ(y.shape(), (Shape{2, 8 + top + bottom, 6, 6}));
            EXPECT_LT(relative_error(y, reference(ctx, doubled, w.reshape({6, 7, 1, 3, 3}), &b, padding)), 2e-6);
        }
    }
}

TEST(UpsampleConv2d, ARowWithoutZerosAroundItGivesNothing) {
    Context ctx;
    const Tensor x = randn(ctx, {1, 1, 3, 2}, 1), w = randn(ctx, {2, 2, 3, 3}, 2);
    EXPECT_EQ(ops::upsample_conv2d(ctx, x, w, nullptr, 1, 0).dim(1), 1);
    EXPECT_THROW(ops::upsample_conv2d(ctx, x, w, nullptr, 0, 0), Error);
}

INSTANTIATE_TEST_SUITE_P(Types, UpsampleConv2d, ::testing::Values(DType::f32, DType::f16, DType::bf16));

TEST(UpsampleConv2d, IntoPartsOfAResultWithoutWhatIsNegative) {
    Context ctx;
    const Tensor x = randn(ctx, {2, 5, 7, 6}, 1), w = randn(ctx, {9, 6, 3, 3}, 2), b = randn(ctx, {9}, 3);
    const Tensor plain = ops::upsample_conv2d(ctx, x, w, &b);
    Tensor y = zeros(ctx, {4, 10, 14, 9}), part = y.slice(1, 3);
    ops::upsample_conv2d_into(ctx, x, w, &b, true, part);
    std::vector<double> expected(static_cast<size_t>(y.numel()), 0.0);
    for (int64_t i = 0; i < plain.numel(); ++i)
        expected[static_cast<size_t>(plain.numel() / 2 + i)] =
            std::max(0.0, double{plain.span<float>()[static_cast<size_t>(i)]});
    EXPECT_LT(relative_error(y, expected), 1e-6);
    Tensor other = zeros(ctx, {2, 10, 13, 9});
    EXPECT_THROW(ops::upsample_conv2d_into(ctx, x, w, &b, true, other), Error);
}

}  // namespace
}  // namespace t3video
