// A warpgroup's part of hopper_attention: products of 64 queries with keys and values, and the softmax between them.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>

#include "cuda/hopper/attention.h"
#include "cuda/hopper/instructions.cuh"

namespace t3video::cuda::hopper {

constexpr int kWidth = 128;  // of a head

#define T3_R0 "%0, %1, %2, %3, %4, %5, %6, %7"
#define T3_R8 "%8, %9, %10, %11, %12, %13, %14, %15"
#define T3_R16 "%16, %17, %18, %19, %20, %21, %22, %23"
#define T3_R24 "%24, %25, %26, %27, %28, %29, %30, %31"
#define T3_R32 "%32, %33, %34, %35, %36, %37, %38, %39"
#define T3_R40 "%40, %41, %42, %43, %44, %45, %46, %47"
#define T3_R48 "%48, %49, %50, %51, %52, %53, %54, %55"
#define T3_R56 "%56, %57, %58, %59, %60, %61, %62, %63"
#define T3_OUT8(d, i)                                                                                           \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
        "+f"(d[i + 7])
// a, b, add: the names of the operands behind the sums
#define T3_SCORES(n, names, a, b, add) \
    "wgmma.mma_async.sync.aligned.m64n" n "k16.f32.bf16.bf16 {" names "}, " a ", " b ", " add ", 1, 1, 0, 0;"

// The first N/2 of d = A B^T, plus d if kAdd; A: [64, 16], B: [N, 16], both in shared memory.
template <int N, int kAdd, int kSize>
__device__ inline void multiply_scores(float (&d)[kSize], uint64_t a, uint64_t b) {
    static_assert(N / 2 <= kSize);
    if constexpr (N == 64) {
        asm volatile(T3_SCORES("64", T3_R0 ", " T3_R8 ", " T3_R16 ", " T3_R24, "%32", "%33", "%34")
                     : T3_OUT8(d, 0), T3_OUT8(d, 8), T3_OUT8(d, 16), T3_OUT8(d, 24)
                     : "l"(a), "l"(b), "n"(kAdd));
    } else if constexpr (N == 80) {
        asm volatile(T3_SCORES("80", T3_R0 ", " T3_R8 ", " T3_R16 ", " T3_R24 ", " T3_R32, "%40", "%41", "%42")
                     : T3_OUT8(d, 0), T3_OUT8(d, 8), T3_OUT8(d, 16), T3_OUT8(d, 24), T3_OUT8(d, 32)
                     : "l"(a), "l"(b), "n"(kAdd));
    } else {
        static_assert(N == 0, "no such product");
    }
}

// d += A B, A: [64, 16] in registers, B: [16, 128] in shared memory.
__device__ inline void multiply_values(float (&d)[64], const uint32_t (&a)[4], uint64_t b) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" T3_R0 ", " T3_R8 ", " T3_R16 ", " T3_R24
                 ", " T3_R32 ", " T3_R40 ", " T3_R48 ", " T3_R56
                 "}, "
                 "{%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
                 : T3_OUT8(d, 0), T3_OUT8(d, 8), T3_OUT8(d, 16), T3_OUT8(d, 24), T3_OUT8(d, 32), T3_OUT8(d, 40),
                   T3_OUT8(d, 48), T3_OUT8(d, 56)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

#undef T3_R0
#undef T3_R8
#undef T3_R16
#undef T3_R24
#undef T3_R32
#undef T3_R40
#undef T3_R48
#undef T3_R56
#undef T3_SCORES
#undef T3_OUT8

// --- synchronisation -------------------------------------------------------------------------------------------------

// Keeps the compiler from moving reads of an asynchronous product's sums in front of the wait for it.
template <int N>
__device__ inline void settle(float (&d)[N]) {
#pragma unroll
    for (int i = 0; i < N; ++i) asm volatile("" : "+f"(d[i])::"memory");
}
// Barriers of some warps: waits for, or only announces, the arrival of `threads` in all.
__device__ inline void meet(int barrier, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}
__device__ inline void announce(int barrier, int threads) {
    asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}
// Between ordinary accesses to shared memory and those of the matrix units and the copy engine.
__device__ inline void fence_proxies() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ inline void store_4(uint32_t to, uint32_t value) {
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(to), "r"(value) : "memory");
}
__device__ inline uint4 load_16(uint32_t from) {
    uint4 value;
    asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
                 : "r"(from)
                 : "memory");
    return value;
}

// --- tiles of queries and keys ---------------------------------------------------------------------------------------

// What a launch is told.
struct LaunchRun {
    int tokens, first_row, first_tile, tiles_per_head;  // of a window; queries change fastest, then heads and windows
};
struct AttentionLaunch {
    __nv_bfloat16* y;
    const int64_t* order;
    int64_t row_width;
    int heads, tiles;
    float scale;  // for powers of two
    bool average;
    LaunchRun runs[kMostRuns];  // behind the last: with `tiles` as first_tile
};
// With where logarithms go. A launch of its own: even unused parameters change the other kernel's code.
struct LogarithmsLaunch : AttentionLaunch {
    float* log_sum_exp;
    int64_t log_step;
};

// A tile of queries: of a head, from token `first` of the window of `tokens` tokens that begins at row `start`.
struct QueryTile {
    int start, first, head, tokens;
};
__device__ inline QueryTile query_tile_of(const AttentionLaunch& p, int tile, int queries) {
    int i = 0;
    while (i + 1 < static_cast<int>(kMostRuns) && tile >= p.runs[i + 1].first_tile) ++i;
    const LaunchRun& run = p.runs[i];
    const int own = tile - run.first_tile, spot = own / run.tiles_per_head;
    return {run.first_row + spot / p.heads * run.tokens, own % run.tiles_per_head * queries, spot % p.heads,
            run.tokens};
}
__device__ inline int64_t row_of(const AttentionLaunch& p, const QueryTile& at, int token) {
    return p.order ? __ldg(p.order + at.start + token) : at.start + token;
}
__device__ inline __nv_bfloat16* result_of(const AttentionLaunch& p, const QueryTile& at, int token) {
    return p.y + row_of(p, at, token) * p.row_width + at.head * kWidth;
}
// Stores the log-sum-exp of a token that the window has, from what weights are relative to and their sum.
__device__ inline void store_log_sum_exp(const LogarithmsLaunch& p, const QueryTile& at, int token, float top,
                                         float sum) {
    constexpr float kLn2 = 0.693147181f;
    if (token < at.tokens) p.log_sum_exp[at.head * p.log_step + row_of(p, at, token)] = (top + log2f(sum)) * kLn2;
}

// The i-th of n tiles of keys: the last one comes first, so that only that one has a mask.
__device__ inline int key_tile(int i, int n) {
    return i == 0 ? n - 1 : i - 1;
}

// --- tiles -----------------------------------------------------------------------------------------------------------

// A tile of rows of 128 bf16 is two halves of 64 channels, each [rows, 128 bytes], swizzled.
__device__ inline uint32_t address_in_tile(uint32_t tile, int rows, int row, int chunk) {  // chunk: of 16 bytes
    return tile + chunk / 8 * rows * 128 + row * 128 + ((chunk ^ row) & 7) * 16;
}
// Sixteen rows of V and up: [16, 128], summed over rows. 64 channels lie side by side, `half` bytes in front of the
// next 64; rows follow one another by eights.
__device__ inline uint64_t values_operand(uint32_t address, uint32_t half) {
    return (uint64_t{1} << 62) | (uint64_t{1024 >> 4} << 32) | (uint64_t{half >> 4} << 16) | (address >> 4);
}

// scores = Q K^T for N keys; query and key tiles of kQueryRows and kKeyRows
template <int N, int kQueryRows, int kKeyRows, int kSize>
__device__ inline void score(float (&scores)[kSize], uint32_t queries, uint32_t keys) {
    const uint64_t a = operand<128>(queries, 1024), b = operand<128>(keys, 1024);
    multiply_scores<N, 0>(scores, a, b);
#pragma unroll
    for (int k = 1; k < kWidth / 16; ++k) {
        multiply_scores<N, 1>(scores, a + k / 4 * (kQueryRows * 128 >> 4) + k % 4 * 2,
                              b + k / 4 * (kKeyRows * 128 >> 4) + k % 4 * 2);
    }
}
// sums += P V over N keys
template <int N, int kKeyRows, int kSize>
__device__ inline void weigh(float (&sums)[64], const uint32_t (&weights)[kSize][4], uint32_t values) {
    static_assert(N / 16 <= kSize);
    const uint64_t b = values_operand(values, kKeyRows * 128);
#pragma unroll
    for (int k = 0; k < N / 16; ++k) multiply_values(sums, weights[k], b + k * (16 * 128 >> 4));
}

// --- softmax ---------------------------------------------------------------------------------------------------------

__device__ inline float exp2_of(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
// A thread's share of two rows, eight apart: what their weights are relative to, as a score times scale; the sum of
// this thread's weights.
struct RunningSoftmax {
    float top[2], sum[2];
};

// Keys from `valid` on get no weight.
template <int N, int kSize>
__device__ inline void mask(float (&scores)[kSize], int valid) {
    const int column = static_cast<int>(threadIdx.x & 3) * 2;
#pragma unroll
    for (int i = 0; i < N / 2; ++i) {
        if (column + i / 4 * 8 + i % 2 >= valid) scores[i] = -INFINITY;
    }
}

// Turns scores into weights, exp2(scale * score - top). The top follows the largest score only where it would fall
// behind by more than kSlack: weights up to 2^kSlack are as exact as any, and most tiles leave the sums as they are.
// Returns whether a row of this warp got another top; `factors` are then what its sums so far are multiplied with.
constexpr float kSlack = 8;
template <int N, bool kFirst, int kSize>
__device__ inline bool soften(float (&scores)[kSize], RunningSoftmax& running, float scale, float (&factors)[2]) {
    float most[2][2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
#pragma unroll
        for (int i = 0; i < 2; ++i) most[r][i] = scores[r * 2 + i];
    }
#pragma unroll
    for (int i = 4; i < N / 2; ++i) most[i / 2 % 2][i % 2] = fmaxf(most[i / 2 % 2][i % 2], scores[i]);
    bool changed = false;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        float top = fmaxf(most[r][0], most[r][1]);
        top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
        top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2)) * scale;
        if constexpr (kFirst) {
            running.top[r] = top;
        } else {
            const bool raise = top > running.top[r] + kSlack;
            factors[r] = raise ? exp2_of(running.top[r] - top) : 1.0f;
            running.top[r] = raise ? top : running.top[r];
            changed |= raise;
        }
    }
    if constexpr (!kFirst) changed = __any_sync(0xffffffffu, changed);
    float sum[2][2] = {};
#pragma unroll
    for (int i = 0; i < N / 2; ++i) {
        scores[i] = exp2_of(fmaf(scores[i], scale, -running.top[i / 2 % 2]));
        sum[i / 2 % 2][i % 2] += scores[i];
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        const float more = sum[r][0] + sum[r][1];
        running.sum[r] = kFirst ? more : fmaf(running.sum[r], factors[r], more);
    }
    return changed;
}

// As the first operand of the next product.
template <int N, int kSize, int kWords>
__device__ inline void round_weights(const float (&scores)[kSize], uint32_t (&weights)[kWords][4]) {
#pragma unroll
    for (int i = 0; i < N / 4; ++i) weights[i / 4][i % 4] = pack(scores[2 * i], scores[2 * i + 1]);
}

// --- results ---------------------------------------------------------------------------------------------------------

__device__ inline uint32_t mean_of(uint32_t a, uint32_t b) {  // pairs of bf16
    return pack(0.5f * (low_of(a) + low_of(b)), 0.5f * (high_of(a) + high_of(b)));
}

// A warp's 16 rows from its part of a tile of queries, from token `first` of the window on.
__device__ inline void store_rows(const AttentionLaunch& p, const QueryTile& at, int first, uint32_t tile,
                                  int tile_row) {
    constexpr int kCount = 4;  // at a time, each of two rows, 16 bytes per lane
    const int half = threadIdx.x % 32 / 16, chunk = threadIdx.x % 16;
#pragma unroll 1
    for (int row = half; row < 16; row += kCount * 2) {
        uint4* target[kCount];
        uint4 other[kCount];
#pragma unroll
        for (int i = 0; i < kCount; ++i) {
            const int token = min(first + row + i * 2, at.tokens - 1);
            target[i] = reinterpret_cast<uint4*>(result_of(p, at, token)) + chunk;
        }
        if (p.average) {
#pragma unroll
            for (int i = 0; i < kCount; ++i) other[i] = *target[i];
        }
#pragma unroll
        for (int i = 0; i < kCount; ++i) {
            uint4 all = load_16(address_in_tile(tile, 64, tile_row + row + i * 2, chunk));
            if (p.average) {
                all = {mean_of(all.x, other[i].x), mean_of(all.y, other[i].y), mean_of(all.z, other[i].z),
                       mean_of(all.w, other[i].w)};
            }
            if (first + row + i * 2 < at.tokens) *target[i] = all;
        }
    }
}

}  // namespace t3video::cuda::hopper
