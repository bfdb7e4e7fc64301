// Sums of magnitudes. Bound by memory: operands are read once. A block's sums are f64, and a second kernel adds them in
// a fixed order.
#include "cuda/mean_abs.h"

#include "cuda/column_sums.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

template <int N, bool kTwo>
__global__ void __launch_bounds__(kThreads)
    sum_magnitudes(const float* x, const float* y, int64_t packs, double* partials) {
    double sum = 0;
    for (int64_t p = int64_t{blockIdx.x} * kThreads + threadIdx.x; p < packs; p += int64_t{gridDim.x} * kThreads) {
        Pack<float, N> values = load<N>(x + p * N);
        if constexpr (kTwo) {
            const Pack<float, N> others = load<N>(y + p * N);
#pragma unroll
            for (int j = 0; j < N; ++j) values.value[j] -= others.value[j];
        }
#pragma unroll
        for (int j = 0; j < N; ++j) sum += double{fabsf(values.value[j])};
    }
    sum = block_sum<kThreads>(sum);
    if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

}  // namespace

double sum_abs(Context& ctx, const Tensor& x, const Tensor* y) {
    const State& s = state(ctx);
    const float *px = in<float>(x), *py = y ? in<float>(*y) : px;
    const auto launch = [&]<int N>() {
        const int64_t packs = x.numel() / N,
                      blocks = std::clamp<int64_t>((packs + kThreads - 1) / kThreads, 1, sum_blocks(s.traits));
        Tensor partials = empty(ctx, {blocks + 1}, DType::f64);
        const auto run = [&](auto kernel) {
            kernel<<<static_cast<unsigned>(blocks), kThreads, 0, s.stream>>>(px, py, packs, out<double>(partials));
        };
        y ? run(sum_magnitudes<N, true>) : run(sum_magnitudes<N, false>);
        check_launch();
        return sum_of_partials(ctx, partials);
    };
    return x.numel() % 4 == 0 && aligned(px, py) ? launch.template operator()<4>() : launch.template operator()<1>();
}

}  // namespace t3video::cuda
