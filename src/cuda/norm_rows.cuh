// The arithmetic of a norm over rows that a group of lanes keeps in registers.
#pragma once

#include "cuda/row_registers.cuh"
#include "cuda/row_sets.cuh"

namespace t3video::cuda {

constexpr int kNormThreads = 256;  // of a block; the widest rows take up to 255 registers of each thread

// y = (x - mean) * factor * (offset + scale) + shift; unless centred, mean 0 and no shift, but SiLU if asked.
// factor = rsqrt(mean of squares + eps), or of a channel norm sqrt(width) / max(norm, 1e-12).
struct Norm {
    RowSets sets = {};  // of scale and shift
    int64_t rows = 0;   // of y
    int width = 0;
    int lanes = 32;  // that share a row
    float eps = 0, offset = 0;
    bool channel = false, silu = false;

    int groups() const { return kNormThreads / lanes; }  // of lanes in a block
    unsigned blocks(const State& s) const { return blocks_for(s, (rows + groups() - 1) / groups()); }

    __device__ float factor(float squares) const {
        const float n = static_cast<float>(width);
        return channel ? sqrtf(n) / fmaxf(sqrtf(squares), 1e-12f) : 1.0f / sqrtf(squares / n + eps);
    }
};

template <bool kCentred>
__device__ float apply(const Norm& norm, float x, float mean, float factor, float scale, float shift) {
    if constexpr (kCentred) return fmaf((x - mean) * factor, norm.offset + scale, shift);
    const float y = x * factor * scale;
    return norm.silu ? silu_of(y) : y;
}

// Writes the norm of a row into y. All lanes of a warp take part, as the sums need; those whose row is not `present`
// write nothing. Deviations are summed after the mean is known. `once`: as store_once.
template <bool kCentred, bool once = false, class X, int N, int kItems, class Y>
__device__ void write_norm(const RowRegisters<X, N, kItems>& v, const float* scale, const float* shift, Y* y,
                           const Norm& norm, bool present) {
    const int lanes = known_lanes<kItems>(norm.lanes), lane = threadIdx.x % lanes, packs = norm.width / N;
    const float mean = kCentred ? group_sum(v.sum(), lanes) / static_cast<float>(norm.width) : 0.0f;
    const float factor = norm.factor(group_sum(v.squares(mean, packs, lane, lanes), lanes));
    if (!present) return;
#pragma unroll
    for (int i = 0; i < kItems; ++i) {
        const int p = lane + i * lanes;
        if (p >= packs) continue;
        const Pack<float, N> s = load_constant<N>(scale + p * N);
        Pack<float, N> t{};
        if constexpr (kCentred) t = load_constant<N>(shift + p * N);
        Pack<Y, N> result;
#pragma unroll
        for (int j = 0; j < N; ++j) {
            result.value[j] = from_float<Y>(
                apply<kCentred>(norm, to_float(v.pack[i].value[j]), mean, factor, s.value[j], t.value[j]));
        }
        if constexpr (once) {
            store_once(y + p * N, result);
        } else {
            store(y + p * N, result);
        }
    }
}

}  // namespace t3video::cuda
