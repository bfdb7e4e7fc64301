// Depthwise convolution. Bound by loads from the first cache: a thread keeps four pixels side by side of some channels,
// so that a pixel of x, once loaded, serves up to four of them.
#include "cuda/depthwise.h"

#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

constexpr int kPixels = 4;

struct Frames {
    int64_t height, width, channels;  // of x
    int side;

    __device__ int64_t groups() const { return (width + kPixels - 1) / kPixels; }  // of pixels in a row
};

// Columns of a launch are packs of y's channels, its rows groups of pixels.
template <int N, class T>
__global__ void convolve_channels(const T* x, const float* weight, T* y, Frames f, int64_t groups) {
    const int64_t c = first_column() * N, width_y = 2 * f.channels;
    if (c >= width_y) return;
    const bool past = c >= f.channels;
    const int reach = f.side / 2;
    for (int64_t group = first_row(); group < groups; group += row_step()) {
        const int64_t line = group / f.groups(), column = group % f.groups() * kPixels;
        const int64_t t = line / f.height, h = line % f.height;
        const T* frame = x + (t + (past ? 0 : 1)) * f.height * f.width * f.channels + (past ? c - f.channels : c);
        float sums[kPixels][N] = {};
        for (int dy = 0; dy < f.side; ++dy) {
            const int64_t row = h + dy - reach;
            if (row < 0 || row >= f.height) continue;
            for (int i = 0; i < f.side + kPixels - 1; ++i) {
                const int64_t from = column + i - reach;
                if (from < 0 || from >= f.width) continue;
                const Pack<T, N> value = load_constant<N>(frame + (row * f.width + from) * f.channels);
#pragma unroll
                for (int pixel = 0; pixel < kPixels; ++pixel) {
                    const int dx = i - pixel;
                    if (dx < 0 || dx >= f.side) continue;
                    const Pack<float, N> w = load_constant<N>(weight + (dy * f.side + dx) * width_y + c);
#pragma unroll
                    for (int j = 0; j < N; ++j)
                        sums[pixel][j] = fmaf(w.value[j], to_float(value.value[j]), sums[pixel][j]);
                }
            }
        }
#pragma unroll
        for (int pixel = 0; pixel < kPixels; ++pixel) {
            if (column + pixel >= f.width) break;
            Pack<T, N> result;
#pragma unroll
            for (int j = 0; j < N; ++j) result.value[j] = from_float<T>(sums[pixel][j]);
            store(y + (line * f.width + column + pixel) * width_y + c, result);
        }
    }
}

}  // namespace

void depthwise_with_past(Context& ctx, const Tensor& x, const Tensor& weight, int64_t side, Tensor& y) {
    const State& s = state(ctx);
    const Frames f{x.dim(1), x.dim(2), x.dim(3), static_cast<int>(side)};
    const int64_t groups = y.dim(0) * f.height * ((f.width + kPixels - 1) / kPixels);
    visit(x.dtype(), [&]<class T>() {
        const auto launch = [&]<int N>() {
            const RowLaunch how = over_rows(s, groups, 2 * f.channels / N);
            convolve_channels<N>
                <<<how.grid, how.block, 0, s.stream>>>(in<T>(x), in<float>(weight), out<T>(y), f, groups);
        };
        // A pack lies in one half of y's channels.
        if (f.channels % kPack<T> == 0 && aligned(in<T>(x), out<T>(y)) && aligned(in<float>(weight))) {
            launch.template operator()<kPack<T>>();
        } else {
            launch.template operator()<1>();
        }
    });
    check_launch();
}

}  // namespace t3video::cuda
