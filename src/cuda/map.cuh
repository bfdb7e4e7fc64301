// y[i] = f(a[i], ...) in f32, for operands of any float types. Bound by memory: every operand is read once, the result
// written once, 16 bytes at a time where all addresses allow it.
#pragma once

#include "cuda/kernel.cuh"

namespace t3video::cuda {

template <int N, class F, class Y, class... X>
__global__ void map_kernel(F f, int64_t n, Y* y, const X*... x) {
    const int64_t first = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, step = int64_t{gridDim.x} * blockDim.x;
    const int64_t packs = n / N;
    for (int64_t p = first; p < packs; p += step) {
        const auto apply = [&](const Pack<X, N>&... values) {
            Pack<Y, N> result;
#pragma unroll
            for (int j = 0; j < N; ++j) result.value[j] = from_float<Y>(f(to_float(values.value[j])...));
            return result;
        };
        store(y + p * N, apply(load<N>(x + p * N)...));
    }
    for (int64_t i = packs * N + first; i < n; i += step) y[i] = from_float<Y>(f(to_float(x[i])...));
}

// y may be any of the x of its own type.
template <class F, class Y, class... X>
void map(const State& s, F f, int64_t n, Y* y, const X*... x) {
    constexpr int N = kPack<Y, X...>, kThreads = 256;
    const unsigned blocks = blocks_for(s, (n / N + kThreads - 1) / kThreads);
    if (aligned(y, x...)) {
        map_kernel<N><<<blocks, kThreads, 0, s.stream>>>(f, n, y, x...);
    } else {
        map_kernel<1><<<blocks, kThreads, 0, s.stream>>>(f, n, y, x...);
    }
    check_launch();
}

}  // namespace t3video::cuda
