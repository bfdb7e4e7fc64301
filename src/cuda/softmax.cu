// Softmax of score rows, one block per row. Bound by memory: a row is read once or twice, the second time from the L2
// cache where it fits, and written once. The VAE's rows of 130,560 scores do not fit: with both reads a frame's 1.7e10
// scores took 41 ms, 97 % of an H200's 4.3 TB/s.
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

// The largest value of the block's threads, in every one of them.
__device__ float block_max(float x) {
    __shared__ float warps[kThreads / 32];
    for (int offset = 16; offset > 0; offset /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, offset));
    __syncthreads();  // all have read the one before
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
    __syncthreads();
    for (const float other : warps) x = fmaxf(x, other);
    return x;
}

// Weights are relative to the largest of a row's first scores. A bf16 has the exponents of an f32, so a weight of a
// late score is as exact as any up to e^kSlack; the row is read again where one is above that.
template <int N>
__global__ void __launch_bounds__(kThreads, 2)
    weights_of_rows(Softmax p, const float* scores, __nv_bfloat16* weights, float* sums) {
    constexpr float kSlack = 60;
    constexpr int kHeld = 4;  // packs of a thread that are under way together
    const float last_bias = logf(static_cast<float>(p.last_key_count));
    const int64_t packs = p.keys / N;
    for (int64_t r = blockIdx.x; r < p.heads * p.rows; r += gridDim.x) {
        const int64_t head = r / p.rows, query = p.first_query + r % p.rows;
        const float* bias = p.relative ? p.relative + head * (2 * p.keys - 1) + p.keys - 1 - query : nullptr;
        Pack<float, N> x[kHeld];
        const auto for_loaded = [&](int64_t first, auto&& f) {  // f(pack, its number)
#pragma unroll
            for (int h = 0; h < kHeld; ++h) {
                const int64_t i = first + h * kThreads;
                if (i < packs) f(x[h], i);
            }
        };
        const auto load_scores = [&](int64_t first) {
            for_loaded(first, [&](Pack<float, N>& pack, int64_t i) {
                pack = load_once<N>(scores + r * p.keys + i * N);
#pragma unroll
                for (int j = 0; j < N; ++j) {
                    const int64_t key = i * N + j;
                    pack.value[j] += (bias ? bias[key] : 0.0f) + (key == p.keys - 1 ? last_bias : 0.0f);
                }
            });
        };
        float top = -INFINITY;
        load_scores(threadIdx.x);
        for_loaded(threadIdx.x, [&](const Pack<float, N>& pack, int64_t) {
            for (const float score : pack.value) top = fmaxf(top, score);
        });
        top = block_max(top);
        if (top == -INFINITY) top = 0;
        float most = top, sum = 0;
        const auto weigh = [&](const Pack<float, N>& pack, int64_t i) {
            Pack<__nv_bfloat16, N> y;
#pragma unroll
            for (int j = 0; j < N; ++j) {
                const float weight = __expf(pack.value[j] - top);
                most = fmaxf(most, pack.value[j]);
                sum += weight;
                y.value[j] = from_float<__nv_bfloat16>(weight);
            }
            store(weights + r * p.keys + i * N, y);
        };
        for_loaded(threadIdx.x, weigh);
        const auto weigh_from = [&](int64_t start) {
            for (int64_t first = start; first < packs; first += kHeld * kThreads) {
                load_scores(first);
                for_loaded(first, weigh);
            }
        };
        weigh_from(threadIdx.x + kHeld * kThreads);
        most = block_max(most);
        if (most > top + kSlack) {
            top = most;
            sum = 0;
            weigh_from(threadIdx.x);
        }
        sum = block_sum<kThreads>(sum);
        if (threadIdx.x > 0) continue;
        sums[r] = sum;
        if (p.log_sum_exp.to) p.log_sum_exp.store(head, query, top + logf(sum));
    }
}

__global__ void divide(const float* x, const float* sums, int64_t heads, int64_t rows, int64_t width, __nv_bfloat16* y,
                       int64_t stride) {
    const int64_t all = heads * width;
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < rows * all; i += int64_t{gridDim.x} * kThreads) {
        const int64_t row = i / all, column = i % all;
        y[row * stride + column] = from_float<__nv_bfloat16>(x[i] / sums[column / width * rows + row]);
    }
}

}  // namespace

void softmax_weights(State& s, const Softmax& p, const float* scores, void* weights, float* sums) {
    const unsigned blocks = blocks_for(s, p.heads * p.rows);
    auto* y = static_cast<__nv_bfloat16*>(weights);
    if (p.keys % 4 == 0) {
        weights_of_rows<4><<<blocks, kThreads, 0, s.stream>>>(p, scores, y, sums);
    } else {
        weights_of_rows<1><<<blocks, kThreads, 0, s.stream>>>(p, scores, y, sums);
    }
    check_launch();
}

void divide_rows(State& s, const float* x, const float* sums, int64_t heads, int64_t rows, int64_t width, void* y,
                 int64_t stride) {
    divide<<<blocks_for(s, rows * heads * width / kThreads), kThreads, 0, s.stream>>>(
        x, sums, heads, rows, width, static_cast<__nv_bfloat16*>(y), stride);
    check_launch();
}

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
