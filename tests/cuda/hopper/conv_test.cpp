// Hopper's own convolution against a plain loop: odd grids, views, strides, residuals, taps outside of the input.
#include "cuda/hopper/conv.h"

#include <cstring>

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;
using cuda::ConvFrames;
using cuda::HopperConv;

// Packed tensors, as many frames in as the taps ask for, the other taps centred.
HopperConv packed(int64_t t, int64_t h, int64_t w, int64_t ci, int64_t co, int64_t kt, int64_t kh, int64_t kw) {
    return {.t = t,
            .h = h,
            .w = w,
            .co = co,
            .in_t = t + kt - 1,
            .in_h = h,
            .in_w = w,
            .ci = ci,
            .kt = kt,
            .kh = kh,
            .kw = kw,
            .first_h = -(kh / 2),
            .first_w = -(kw / 2),
            .x_frame = h * w * ci,
            .x_row = w * ci,
            .x_column = ci,
            .y_frame = h * w * co,
            .y_row = w * co,
            .y_column = co};
}

// The same frames without those in front, which read as zero.
HopperConv first_frames(HopperConv c) {
    c.first_t = 1 - c.kt;
    c.in_t = c.t;
    return c;
}
// x is a window of wider frames, away from the taps' centre.
HopperConv window(HopperConv c) {
    c.x_column += 16;
    c.x_row = c.x_column * (c.in_w + 3);
    c.x_frame = c.x_row * (c.in_h + 2);
    c.first_h = -2;
    c.first_w = 1;
    c.in_h -= 3;
    return c;
}
// y is every second row and column of a larger frame.
HopperConv every_second(HopperConv c) {
    c.y_column *= 2;
    c.y_row *= 4;
    c.y_frame *= 4;
    return c;
}

enum class Residual { none, apart, in_place };
struct HopperCase {
    HopperConv conv;
    bool bias;
    Residual residual;
};

const HopperCase kCases[] = {
    {packed(1, 1, 1, 32, 96, 1, 1, 1), false, Residual::none},
    {packed(2, 9, 17, 64, 192, 1, 1, 1), true, Residual::apart},
    {packed(3, 9, 11, 64, 128, 3, 1, 1), true, Residual::apart},
    {packed(1, 17, 37, 64, 96, 1, 3, 3), false, Residual::none},
    {packed(2, 7, 35, 96, 96, 3, 3, 3), true, Residual::none},
    {first_frames(packed(2, 7, 35, 96, 96, 3, 3, 3)), true, Residual::in_place},
    {window(packed(1, 13, 21, 192, 192, 3, 3, 3)), true, Residual::apart},
    {every_second(packed(2, 11, 15, 192, 96, 1, 3, 3)), true, Residual::in_place},
    {every_second(packed(1, 9, 23, 128, 192, 1, 2, 2)), true, Residual::none},
    {packed(1, 11, 18, 64, 256, 3, 3, 3), false, Residual::apart},
    {packed(1, 9, 9, 96, 384, 1, 3, 3), true, Residual::none},
    {packed(1, 21, 33, 96, 8, 3, 3, 3), true, Residual::apart},
    {packed(1, 9, 33, 256, 16, 1, 3, 3), true, Residual::in_place},
    {packed(1, 11, 13, 40, 104, 1, 3, 3), true, Residual::none},
    {packed(1, 5, 6, 64, 32, 1, 1, 3), true, Residual::none},
    {packed(2, 17, 37, 64, 64, 2, 3, 3), true, Residual::none},
    {packed(3, 19, 35, 64, 64, 1, 3, 3), true, Residual::apart},
    {packed(1, 33, 9, 32, 64, 1, 3, 3), false, Residual::in_place},
    {every_second(packed(1, 9, 43, 128, 64, 1, 2, 2)), true, Residual::none},
};

std::string description(const HopperCase& c) {
    const HopperConv& p = c.conv;
    return concat(p.t, " frames of ", p.h, " by ", p.w, ", ", p.ci, " to ", p.co, " channels, ", p.kt, "x", p.kh, "x",
                  p.kw, " taps, residual ", static_cast<int>(c.residual));
}

// y over its grid, in order; x, weight, bias and residual hold f32 on the host, the last two may be null.
std::vector<double> plain(const HopperConv& p, const Tensor& x, const Tensor& weight, const Tensor* bias,
                          const Tensor* residual) {
    const auto in = x.span<float>(), w = weight.span<float>();
    std::vector<double> y;
    const auto inside = [](int64_t i, int64_t extent) { return i >= 0 && i < extent; };
    for (int64_t t = 0; t < p.t; ++t) {
        for (int64_t i = 0; i < p.h * p.w; ++i) {
            const int64_t h = i / p.w, column = i % p.w;
            for (int64_t o = 0; o < p.co; ++o) {
                const auto at = static_cast<size_t>(t * p.y_frame + h * p.y_row + column * p.y_column + o);
                double sum = bias ? bias->span<float>()[static_cast<size_t>(o)] : 0.0;
                if (residual) sum += residual->span<float>()[at];
                for (int64_t tap = 0; tap < p.kt * p.kh * p.kw; ++tap) {
                    const int64_t dt = t + p.first_t + tap / (p.kh * p.kw), dh = h + p.first_h + tap / p.kw % p.kh,
                                  dw = column + p.first_w + tap % p.kw;
                    if (!inside(dt, p.in_t) || !inside(dh, p.in_h) || !inside(dw, p.in_w)) continue;
                    const float* pixel = in.data() + dt * p.x_frame + dh * p.x_row + dw * p.x_column;
                    const float* row = w.data() + (o * p.kt * p.kh * p.kw + tap) * p.ci;
                    for (int64_t c = 0; c < p.ci; ++c) sum += double{pixel[c]} * double{row[c]};
                }
                y.push_back(sum);
            }
        }
    }
    return y;
}

// x in as many runs as are read, of one frame each but the last.
std::vector<ConvFrames> runs_of(const HopperConv& p, const Tensor& x) {
    std::vector<ConvFrames> runs;
    const auto single = std::min<int64_t>(p.in_t, cuda::kMostRuns) - 1;
    for (int64_t i = 0; i <= single; ++i)
        runs.push_back({x.slice(i * p.x_frame, (i + 1) * p.x_frame).raw(), i < single ? 1 : p.in_t - single});
    return runs;
}

class HopperConvOnGpu : public OnGpu {};

TEST_P(HopperConvOnGpu, OddGridsViewsAndResiduals) {
    for (const HopperCase& c : kCases) {
        SCOPED_TRACE(description(c));
        const HopperConv& p = c.conv;
        if (!cuda::hopper_conv_supports(gpu().traits(), p)) GTEST_SKIP() << "no GPU of compute capability 9.0";
        const int64_t taps = p.kt * p.kh * p.kw, count = p.t * p.y_frame;
        const Operand x = random({p.in_t * p.x_frame}, 1), weight = random({p.co, taps, p.ci}, 2),
                      bias = random({p.co}, 3, DType::f32), residual = random({count}, 4);
        const bool add = c.residual != Residual::none;
        const std::vector<double> expected =
            plain(p, x.host, weight.host, c.bias ? &bias.host : nullptr, add ? &residual.host : nullptr);

        const auto run = [&] {
            const bool in_place = c.residual == Residual::in_place;
            Tensor y = in_place ? to_device(gpu(), to_host(gpu(), residual.device)) : empty(gpu(), {count}, type());
            const std::vector<ConvFrames> runs = runs_of(p, x.device);
            cuda::hopper_conv(gpu(), p, runs, weight.device.raw(), c.bias ? bias.device.raw() : nullptr,
                              {.data = in_place ? y.raw()
                                       : add    ? residual.device.raw()
                                                : nullptr,
                               .frame = p.y_frame},
                              y.raw());
            return to_host(gpu(), y);
        };
        const Tensor first = run(), second = run();
        EXPECT_EQ(std::memcmp(first.raw(), second.raw(), first.bytes()), 0) << "two runs differ";

        // What lies between the pixels keeps what it held: the residual, or the allocator's NaNs.
        const Tensor values = ops::convert(cpu(), first, DType::f32);
        Tensor grid = empty(cpu(), {p.t * p.h * p.w, p.co});
        std::vector<bool> written(static_cast<size_t>(count));
        size_t next = 0;
        for (int64_t i = 0; i < p.t * p.h * p.w; ++i) {
            const int64_t at = i / (p.h * p.w) * p.y_frame + i / p.w % p.h * p.y_row + i % p.w * p.y_column;
            for (int64_t o = at; o < at + p.co; ++o) {
                grid.span<float>()[next++] = values.span<float>()[static_cast<size_t>(o)];
                written[static_cast<size_t>(o)] = true;
            }
        }
        EXPECT_LE(relative_error(grid, expected), bound());

        HopperConv cut = p;
        cut.relu = true;
        Tensor y = c.residual == Residual::in_place ? to_device(gpu(), to_host(gpu(), residual.device))
                                                    : empty(gpu(), {count}, type());
        const ConvFrames all{x.device.raw(), p.in_t};
        cuda::hopper_conv(gpu(), cut, {&all, 1}, weight.device.raw(), c.bias ? bias.device.raw() : nullptr,
                          {.data = c.residual == Residual::in_place ? y.raw()
                                   : add                            ? residual.device.raw()
                                                                    : nullptr,
                           .frame = p.y_frame},
                          y.raw());
        const Tensor raised = ops::convert(cpu(), to_host(gpu(), y), DType::f32);
        int64_t wrong = 0;
        for (size_t i = 0; i < written.size(); ++i) {
            if (written[i] && raised.span<float>()[i] != std::max(0.0f, values.span<float>()[i])) ++wrong;
        }
        EXPECT_EQ(wrong, 0) << "values with relu";
        int64_t damaged = 0;
        for (size_t i = 0; i < written.size(); ++i) {
            if (written[i]) continue;
            const float value = values.span<float>()[i];
            const bool kept =
                c.residual == Residual::in_place ? value == residual.host.span<float>()[i] : value != value;
            if (!kept) ++damaged;
        }
        EXPECT_EQ(damaged, 0);
    }
}

TEST_P(HopperConvOnGpu, RefusesWhatItCannotDo) {
    HopperConv p = packed(1, 8, 8, 32, 32, 1, 3, 3);
    if (!cuda::hopper_conv_supports(gpu().traits(), p)) GTEST_SKIP() << "no GPU of compute capability 9.0";
    p.kw = 5;
    EXPECT_FALSE(cuda::hopper_conv_supports(gpu().traits(), p));
    EXPECT_FALSE(cuda::hopper_conv_supports(gpu().traits(), packed(1, 8, 8, 12, 32, 1, 3, 3)));
    EXPECT_FALSE(cuda::hopper_conv_supports(gpu().traits(), packed(1, 8, 8, 32, 3, 1, 3, 3)));
    const ConvFrames none{nullptr, 1};
    EXPECT_THROW(cuda::hopper_conv(gpu(), p, {&none, 1}, nullptr, nullptr, {}, nullptr), Error);
}

INSTANTIATE_TEST_SUITE_P(Types, HopperConvOnGpu, ::testing::Values(DType::bf16), type_name);

}  // namespace
}  // namespace t3video
