// Softmax of score rows, one block per row. Bound by memory: a row is read twice, the second time from the L2 cache
// where it fits, and written once. The VAE's rows of 130,560 scores do not fit: 41 ms for a frame's 1.7e10 scores are
// 97 % of an H200's 4.3 TB/s, both reads counted.
#include "cuda/softmax.h"

#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 512;

// The largest score so far and the sum of exp(score - largest).
struct RunningSoftmax {
    float largest = -INFINITY, sum = 0;

    __device__ void add(float score) {
        if (score <= largest) {
            sum += __expf(score - largest);
        } else {
            sum = sum * __expf(largest - score) + 1.0f;
            largest = score;
        }
    }
    __device__ void merge(float other_largest, float other_sum) {
        const float top = fmaxf(largest, other_largest);
        if (top == -INFINITY) return;
        sum = sum * __expf(largest - top) + other_sum * __expf(other_largest - top);
        largest = top;
    }
    __device__ void merge_warp() {
        for (int offset = 16; offset > 0; offset /= 2) {
            const float l = __shfl_xor_sync(0xffffffffu, largest, offset);
            const float t = __shfl_xor_sync(0xffffffffu, sum, offset);
            merge(l, t);
        }
    }
};

template <class T, int N>
__global__ void __launch_bounds__(kThreads) softmax_rows(Softmax p, const float* scores, T* probabilities) {
    __shared__ RunningSoftmax warps[kThreads / 32];
    const float last_bias = logf(static_cast<float>(p.last_key_count));
    const int64_t packs = p.keys / N;
    for (int64_t r = blockIdx.x; r < p.heads * p.rows; r += gridDim.x) {
        const int64_t head = r / p.rows, query = p.first_query + r % p.rows;
        const float* row = scores + r * p.keys;
        const float* bias = p.relative ? p.relative + head * (2 * p.keys - 1) + p.keys - 1 - query : nullptr;
        const auto load = [&](int64_t i, float(&x)[N]) {
            const auto pack = reinterpret_cast<const Pack<float, N>*>(row)[i];
            for (int j = 0; j < N; ++j) {
                const int64_t key = i * N + j;
                x[j] = pack.value[j] + (bias ? bias[key] : 0.0f) + (key == p.keys - 1 ? last_bias : 0.0f);
            }
        };
        RunningSoftmax running;
        for (int64_t i = threadIdx.x; i < packs; i += kThreads) {
            float x[N];
            load(i, x);
            for (int j = 0; j < N; ++j) running.add(x[j]);
        }
        running.merge_warp();
        if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = running;
        __syncthreads();
        RunningSoftmax all;
        for (int w = 0; w < kThreads / 32; ++w) all.merge(warps[w].largest, warps[w].sum);
        __syncthreads();
        // The key that counts several times gives the sum of its equal probabilities.
        const float scale = 1.0f / all.sum;
        if (p.log_sum_exp.to && threadIdx.x == 0) p.log_sum_exp.store(head, query, all.largest + logf(all.sum));
        for (int64_t i = threadIdx.x; i < packs; i += kThreads) {
            float x[N];
            load(i, x);
            Pack<T, N> y;
            for (int j = 0; j < N; ++j) y.value[j] = from_float<T>(__expf(x[j] - all.largest) * scale);
            reinterpret_cast<Pack<T, N>*>(probabilities + r * p.keys)[i] = y;
        }
    }
}

}  // namespace

void softmax(State& s, const Softmax& p, const float* scores, void* probabilities, DType dtype) {
    const unsigned blocks = blocks_for(s, p.heads * p.rows);
    visit(dtype, [&]<class T>() {
        T* y = static_cast<T*>(probabilities);
        if (p.keys % 4 == 0) {
            softmax_rows<T, 4><<<blocks, kThreads, 0, s.stream>>>(p, scores, y);
        } else {
            softmax_rows<T, 1><<<blocks, kThreads, 0, s.stream>>>(p, scores, y);
        }
    });
    check_launch();
}

}  // namespace t3video::cuda
