// What training compares. Bound by memory: both operands are read once, the gradient is written once.
#include "cuda/loss.h"

#include "cuda/column_sums.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

// A block takes planes of a channel's frame. Sums are f64: squares of f32 are exact there.
template <int N>
__global__ void __launch_bounds__(kThreads)
    squared_error_planes(const float* prediction, const float* target, float* gradient, int64_t planes, int64_t frames,
                         int64_t first_frame, int64_t packs, float slope, double* partials) {
    double sum = 0;
    for (int64_t plane = blockIdx.x; plane < planes; plane += gridDim.x) {
        const bool counts = plane % frames >= first_frame;
        for (int64_t p = threadIdx.x; p < packs; p += kThreads) {
            const int64_t at = (plane * packs + p) * N;
            const Pack<float, N> a = load<N>(prediction + at), b = load<N>(target + at);
            Pack<float, N> slopes{};
            if (counts) {
#pragma unroll
                for (int j = 0; j < N; ++j) {
                    const float d = a.value[j] - b.value[j];
                    slopes.value[j] = slope * d;
                    sum = fma(double{d}, double{d}, sum);
                }
            }
            store(gradient + at, slopes);
        }
    }
    sum = block_sum<kThreads>(sum);
    if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

}  // namespace

std::vector<double> squared_errors(Context& ctx, const Tensor& prediction, const Tensor& target,
                                   std::span<const ops::ErrorSlope> slopes, Tensor& gradient) {
    const State& s = state(ctx);
    const int64_t samples = prediction.dim(0), frames = prediction.dim(2), planes = prediction.dim(1) * frames;
    const int64_t plane = prediction.dim(3) * prediction.dim(4);
    const int64_t blocks = std::clamp<int64_t>(planes, 1, sum_blocks(s.traits));
    const float *a = in<float>(prediction), *b = in<float>(target);
    float* y = out<float>(gradient);
    Tensor partials = empty(ctx, {samples * (blocks + 1)}, DType::f64);
    const auto launch = [&]<int N>() {
        for (int64_t i = 0; i < samples; ++i) {
            const int64_t at = i * planes * plane;
            const auto& [first_frame, slope] = slopes[static_cast<size_t>(i)];
            squared_error_planes<N><<<static_cast<unsigned>(blocks), kThreads, 0, s.stream>>>(
                a + at, b + at, y + at, planes, frames, first_frame, plane / N, slope,
                out<double>(partials) + i * blocks);
        }
    };
    if (plane % 4 == 0 && aligned(a, b, y)) {
        launch.template operator()<4>();
    } else {
        launch.template operator()<1>();
    }
    check_launch();
    return sums_of_partials(ctx, partials, samples);
}

}  // namespace t3video::cuda
