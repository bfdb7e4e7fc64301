// Depthwise convolution on the CPU: vectors of channels, rows of pixels in parallel. Bound by loads from the first
// cache; a tap's weights, once loaded, serve four pixels side by side.
#include "cpu/depthwise.h"

#include <algorithm>
#include <vector>

#include "cpu/convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/depthwise.cpp"
#include <hwy/foreach_target.h>
#include "cpu/simd-inl.h"

#ifndef T3VIDEO_CPU_DEPTHWISE_ROW
#define T3VIDEO_CPU_DEPTHWISE_ROW
namespace t3video::cpu {

// A row of the result: the rows of the frame that its taps see, null outside, and the taps' weights.
struct DepthwiseRow {
    const float* const* rows;
    const float* weight;  // of the first channel; taps lie `step` apart
    int64_t step, side, width, channels;
};

}  // namespace t3video::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace t3video::cpu::HWY_NAMESPACE {

// y[i] for kPixels columns from `column` on, `step` apart; of them the taps [first, last) of a row lie in the frame.
template <int kPixels>
void Columns(const DepthwiseRow& p, int64_t column, int64_t first, int64_t last, float* y) {
    const Floats d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t left = column - p.side / 2;
    int64_t c = 0;
    for (; c + lanes <= p.channels; c += lanes) {
        auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
        for (int64_t dy = 0; dy < p.side; ++dy) {
            if (!p.rows[dy]) continue;
            for (int64_t dx = first; dx < last; ++dx) {
                const auto w = hn::LoadU(d, p.weight + (dy * p.side + dx) * p.step + c);
                const float* x = p.rows[dy] + (left + dx) * p.channels + c;
                s0 = hn::MulAdd(w, hn::LoadU(d, x), s0);
                if constexpr (kPixels == 4) {
                    s1 = hn::MulAdd(w, hn::LoadU(d, x + p.channels), s1);
                    s2 = hn::MulAdd(w, hn::LoadU(d, x + 2 * p.channels), s2);
                    s3 = hn::MulAdd(w, hn::LoadU(d, x + 3 * p.channels), s3);
                }
            }
        }
        hn::StoreU(s0, d, y + c);
        if constexpr (kPixels == 4) {
            hn::StoreU(s1, d, y + p.step + c);
            hn::StoreU(s2, d, y + 2 * p.step + c);
            hn::StoreU(s3, d, y + 3 * p.step + c);
        }
    }
    for (; c < p.channels; ++c) {
        for (int64_t i = 0; i < kPixels; ++i) {
            float sum = 0;
            for (int64_t dy = 0; dy < p.side; ++dy) {
                for (int64_t dx = first; dx < last && p.rows[dy]; ++dx)
                    sum += p.weight[(dy * p.side + dx) * p.step + c] * p.rows[dy][(left + i + dx) * p.channels + c];
            }
            y[i * p.step + c] = sum;
        }
    }
}

void Row(const DepthwiseRow& p, float* y) {
    const int64_t reach = p.side / 2;
    for (int64_t column = 0; column < p.width;) {
        if (column >= reach && column + 4 + reach <= p.width) {
            Columns<4>(p, column, 0, p.side, y + column * p.step);
            column += 4;
            continue;
        }
        const int64_t first = std::max<int64_t>(0, reach - column), last = std::min(p.side, p.width + reach - column);
        Columns<1>(p, column, first, last, y + column * p.step);
        ++column;
    }
}

}  // namespace t3video::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t3video::cpu {
namespace {

HWY_EXPORT(Row);

}  // namespace

void depthwise_with_past(Context& ctx, const Tensor& x, const Tensor& weight, int64_t side, Tensor& y) {
    const Tensor taps = as_f32(ctx, weight);
    const int64_t height = x.dim(1), width = x.dim(2), channels = x.dim(3), row = width * channels;
    const float *px = x.data<float>(), *pw = taps.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(y.dim(0) * height, 1, [&](int64_t begin, int64_t end) {
        std::vector<const float*> rows(static_cast<size_t>(side));
        for (int64_t line = begin; line < end; ++line) {
            const int64_t t = line / height, h = line % height;
            for (const int64_t half : {int64_t{0}, int64_t{1}}) {  // of this frame, and of the one before
                for (int64_t dy = 0; dy < side; ++dy) {
                    const int64_t from = h + dy - side / 2;
                    rows[static_cast<size_t>(dy)] =
                        from < 0 || from >= height ? nullptr : px + ((t + 1 - half) * height + from) * row;
                }
                const DepthwiseRow p{rows.data(), pw + half * channels, 2 * channels, side, width, channels};
                HWY_DYNAMIC_DISPATCH(Row)(p, py + line * 2 * row + half * channels);
            }
        }
    });
}

}  // namespace t3video::cpu
#endif
