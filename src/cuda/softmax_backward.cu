// Bound by memory: both matrices are read once and both results written once, where a row of up to 512 keys, those of a
// prompt, fits the registers of a warp. Longer rows take a block and are read twice, the second time from the L2 cache.
#include "cuda/softmax_backward.h"

#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;
constexpr int kWide = 4;               // elements of an access
constexpr int kWarpKeys = 32 * kWide;  // keys that a warp reads at once
constexpr int64_t kMostHeld = 4;       // accesses of a lane that registers hold

using Scores = Pack<float, kWide>;

// Rows of scores of a thread's column and on, -infinity and zeros where there is no key: what lies there may be NaNs.
__device__ inline void load_keys(const SoftmaxBackward& p, int64_t row, int64_t column, float last_bias,
                                 const float* scores, const float* dp, Scores& s, Scores& d) {
    if (column < p.stride) {
        s = load<kWide>(scores + row * p.stride + column);
        d = load<kWide>(dp + row * p.stride + column);
    }
#pragma unroll
    for (int j = 0; j < kWide; ++j) {
        const int64_t key = column + j;
        if (key >= p.keys) {
            s.value[j] = -INFINITY;
            d.value[j] = 0;
        } else if (key == p.keys - 1) {
            s.value[j] += last_bias;
        }
    }
}

template <class T>
__device__ inline void store_keys(int64_t at, const Scores& s, const Scores& d, float largest, float inverse,
                                  float mean, T* p, T* ds) {
    Pack<T, kWide> probabilities, gradients;
#pragma unroll
    for (int j = 0; j < kWide; ++j) {
        const float probability = __expf(s.value[j] - largest) * inverse;
        probabilities.value[j] = from_float<T>(probability);
        gradients.value[j] = from_float<T>(probability * (d.value[j] - mean));
    }
    store(p + at, probabilities);
    store(ds + at, gradients);
}

template <class T, int kHeld>
__global__ __launch_bounds__(kThreads) void by_warp(SoftmaxBackward problem, const float* scores, const float* dp, T* p,
                                                    T* ds) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const float last_bias = logf(static_cast<float>(problem.last_key_count));
    for (int64_t row = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32; row < problem.rows;
         row += int64_t{gridDim.x} * kWarps) {
        Scores s[kHeld], d[kHeld];
#pragma unroll
        for (int h = 0; h < kHeld; ++h)
            load_keys(problem, row, h * kWarpKeys + lane * kWide, last_bias, scores, dp, s[h], d[h]);
        float largest = -INFINITY;
#pragma unroll
        for (int h = 0; h < kHeld; ++h) {
            for (int j = 0; j < kWide; ++j) largest = fmaxf(largest, s[h].value[j]);
        }
        for (int step = 16; step > 0; step /= 2) largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, step));
        float sum = 0, weighted = 0;
#pragma unroll
        for (int h = 0; h < kHeld; ++h) {
            for (int j = 0; j < kWide; ++j) {
                const float weight = __expf(s[h].value[j] - largest);
                sum += weight;
                weighted = fmaf(weight, d[h].value[j], weighted);
            }
        }
        const float inverse = 1.0f / warp_sum(sum), mean = warp_sum(weighted) * inverse;
#pragma unroll
        for (int h = 0; h < kHeld; ++h) {
            const int64_t column = h * kWarpKeys + lane * kWide;
            if (column < problem.stride)
                store_keys(row * problem.stride + column, s[h], d[h], largest, inverse, mean, p, ds);
        }
    }
}

// The largest score so far, and the sums of exp(score - largest) and of that times dp.
struct Running {
    float largest = -INFINITY, sum = 0, weighted = 0;

    __device__ void add(float score, float d) {
        if (score > largest) {
            const float shrink = __expf(largest - score);
            sum *= shrink;
            weighted *= shrink;
            largest = score;
        }
        if (score == -INFINITY) return;
        const float weight = __expf(score - largest);
        sum += weight;
        weighted = fmaf(weight, d, weighted);
    }
    __device__ void merge(const Running& other) {
        const float top = fmaxf(largest, other.largest);
        if (top == -INFINITY) return;
        const float a = __expf(largest - top), b = __expf(other.largest - top);
        sum = sum * a + other.sum * b;
        weighted = weighted * a + other.weighted * b;
        largest = top;
    }
};

template <class T>
__global__ __launch_bounds__(kThreads) void by_block(SoftmaxBackward problem, const float* scores, const float* dp,
                                                     T* p, T* ds) {
    __shared__ Running warps[kWarps];
    const float last_bias = logf(static_cast<float>(problem.last_key_count));
    for (int64_t row = blockIdx.x; row < problem.rows; row += gridDim.x) {
        Running running;
        for (int64_t column = threadIdx.x * kWide; column < problem.stride; column += kThreads * kWide) {
            Scores s, d;
            load_keys(problem, row, column, last_bias, scores, dp, s, d);
            for (int j = 0; j < kWide; ++j) running.add(s.value[j], d.value[j]);
        }
        for (int step = 16; step > 0; step /= 2) {
            running.merge({__shfl_xor_sync(0xffffffffu, running.largest, step),
                           __shfl_xor_sync(0xffffffffu, running.sum, step),
                           __shfl_xor_sync(0xffffffffu, running.weighted, step)});
        }
        if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = running;
        __syncthreads();
        Running all;
        for (const Running& one : warps) all.merge(one);
        __syncthreads();
        const float inverse = 1.0f / all.sum, mean = all.weighted * inverse;
        // Every thread overwrites what it has read itself.
        for (int64_t column = threadIdx.x * kWide; column < problem.stride; column += kThreads * kWide) {
            Scores s, d;
            load_keys(problem, row, column, last_bias, scores, dp, s, d);
            store_keys(row * problem.stride + column, s, d, all.largest, inverse, mean, p, ds);
        }
    }
}

}  // namespace

void softmax_backward(State& s, const SoftmaxBackward& problem, const float* scores, const float* dp, void* p, void* ds,
                      DType dtype) {
    require(problem.stride % kWide == 0 && problem.keys > 0 && problem.keys <= problem.stride &&
                aligned(scores, dp, static_cast<const std::byte*>(p), static_cast<const std::byte*>(ds)),
            "softmax_backward: rows of ", problem.stride, " for ", problem.keys, " keys");
    visit(dtype, [&]<class T>() {
        const auto launch = [&](auto* kernel, int64_t blocks) {
            kernel<<<blocks_for(s, blocks), kThreads, 0, s.stream>>>(problem, scores, dp, static_cast<T*>(p),
                                                                     static_cast<T*>(ds));
        };
        const int64_t held = (problem.stride + kWarpKeys - 1) / kWarpKeys;
        const int64_t blocks = (problem.rows + kWarps - 1) / kWarps;
        if (held > kMostHeld) return launch(by_block<T>, problem.rows);
        if (held > 2) return launch(by_warp<T, kMostHeld>, blocks);
        launch(held == 2 ? by_warp<T, 2> : by_warp<T, 1>, blocks);
    });
    check_launch();
}

}  // namespace t3video::cuda
