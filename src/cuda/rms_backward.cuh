// The backward of an RMS norm, behind which rows may be rotated:
//     dx = rstd * (g * weight - n * mean(g * weight * n)),    dweight += sum of rows of g * n,
// n = x * rstd, g = dy turned back. Bound by memory: x and dy are read once into registers, dx is written once; dx may
// be dy, so nothing can read dy later. A warp holds one row at a time and sums its terms of dweight in shared memory,
// where the lanes' 16 bytes lie side by side; each block writes the sums of its warps, which a second kernel adds.
// Other widths, and rows wider than registers hold, are read pair by pair, twice, by a block for each row.
#pragma once

#include "cuda/column_sums.cuh"
#include "cuda/row_registers.cuh"

namespace t3video::cuda {

// Registers of small blocks are divided more finely.
constexpr int kRmsThreads = 128, kRmsWarps = kRmsThreads / 32, kRmsThreadsOfRow = 256;
constexpr int kMostRmsItems = 24;  // packs per lane; more of both x and dy would spill

template <class X, class Y>
struct RmsBackward {
    const X* x;
    const float* weight;  // null: rows are turned only
    float eps;
    const Y* dy;
    Y* dx;
    float* partials;  // [blocks, width] terms of dweight, or null
    int64_t rows;
    int width;
};

// What stands for no rotation.
struct Straight {
    static constexpr bool kTurns = false;
};

// The pair that became `y` when it was turned by this angle.
__device__ inline float2 turned_back(float2 y, float2 angle) {
    return {fmaf(y.x, angle.x, y.y * angle.y), fmaf(y.y, angle.x, -y.x * angle.y)};
}

// dx = rstd * (g * weight - x * slope), slope = rstd^2 * mean(g * weight * x)
struct RmsFactors {
    float rstd = 1, slope = 0;

    __device__ RmsFactors() = default;
    __device__ RmsFactors(float squares, float products, int width, float eps) {
        const auto n = static_cast<float>(width);
        rstd = 1.0f / sqrtf(squares / n + eps);
        slope = rstd * rstd * products / n;
    }
    __device__ float dx(float x, float g, float weight) const { return rstd * fmaf(-x, slope, g * weight); }
};

// Four elements that lie together in a pack.
template <int N, class T>
__device__ float4 quad_of(const Pack<T, N>& pack, int q) {
    return {to_float(pack.value[4 * q]), to_float(pack.value[4 * q + 1]), to_float(pack.value[4 * q + 2]),
            to_float(pack.value[4 * q + 3])};
}

// f(slot, pack, quad) for `count` slots of four elements of a row of `packs`, `first` and every `step` on. Slots order
// the row by a lane's packs, then by quads of a pack, then by lanes.
template <int N, class F>
__device__ void for_each_slot(int count, int first, int step, F&& f) {
    constexpr int kQuads = N / 4;
    for (int slot = first; slot < count; slot += step)
        f(slot, slot / (32 * kQuads) * 32 + slot % 32, slot / 32 % kQuads);
}

template <int N, int kItems, class X, class Y, class Turn>
__global__ void __launch_bounds__(kRmsThreads, kItems <= 6    ? 4
                                               : kItems <= 12 ? 3
                                                              : 1)
    rms_backward_rows(__grid_constant__ const RmsBackward<X, Y> p, __grid_constant__ const Turn turn) {
    constexpr int kQuads = N / 4;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, width = p.width, packs = width / N;
    const int slots = (packs + 31) / 32 * 32 * kQuads;
    extern __shared__ float4 shared[];
    float4* const weights = shared;
    float4* const sums = shared + slots * (1 + warp);
    for_each_slot<N>(slots, threadIdx.x, kRmsThreads, [&](int slot, int pack, int quad) {
        const bool weighed = p.weight && pack < packs;
        weights[slot] = weighed ? reinterpret_cast<const float4*>(p.weight)[pack * kQuads + quad] : float4{1, 1, 1, 1};
    });
    if (p.partials) {
        for (int slot = lane; slot < slots; slot += 32) sums[slot] = float4{};
    }
    __syncthreads();
    const int64_t first = int64_t{blockIdx.x} * kRmsWarps + warp;
    for (int64_t row = first; row < p.rows; row += int64_t{gridDim.x} * kRmsWarps) {
        RowRegisters<X, N, kItems> x;
        RowRegisters<Y, N, kItems> dy;
        x.template read<true>(p.x + row * width, packs, lane, 32, p.weight != nullptr);
        dy.template read<true>(p.dy + row * width, packs, lane, 32, true);
        float2 angles[N / 2];
        if constexpr (Turn::kTurns) {
            const auto position = turn.position(row);
#pragma unroll
            for (int j = 0; j < N / 2; ++j) angles[j] = turn.angle(position, (lane * N + 2 * j) % turn.head / 2);
        }
        const auto gradient = [&](int i, int q) {
            float4 g = quad_of(dy.pack[i], q);
            if constexpr (Turn::kTurns) {
                const float2 a = turned_back({g.x, g.y}, angles[2 * q]), b = turned_back({g.z, g.w}, angles[2 * q + 1]);
                g = {a.x, a.y, b.x, b.y};
            }
            return g;
        };
        RmsFactors factors;
        if (p.weight) {
            float products = 0;
#pragma unroll
            for (int i = 0; i < kItems; ++i) {
                if (lane + i * 32 >= packs) continue;
#pragma unroll
                for (int q = 0; q < kQuads; ++q) {
                    const float4 w = weights[(i * kQuads + q) * 32 + lane], g = gradient(i, q),
                                 v = quad_of(x.pack[i], q);
                    products = fmaf(g.x * w.x, v.x, products);
                    products = fmaf(g.y * w.y, v.y, products);
                    products = fmaf(g.z * w.z, v.z, products);
                    products = fmaf(g.w * w.w, v.w, products);
                }
            }
            factors = {warp_sum(x.squares(0.0f, packs, lane, 32)), warp_sum(products), width, p.eps};
        }
        x.forget_floats();
        dy.forget_floats();
#pragma unroll
        for (int i = 0; i < kItems; ++i) {
            const int pack = lane + i * 32;
            if (pack >= packs) continue;
            Pack<Y, N> result;
#pragma unroll
            for (int q = 0; q < kQuads; ++q) {
                const int slot = (i * kQuads + q) * 32 + lane;
                const float4 w = weights[slot], g = gradient(i, q), v = quad_of(x.pack[i], q);
                result.value[4 * q] = from_float<Y>(factors.dx(v.x, g.x, w.x));
                result.value[4 * q + 1] = from_float<Y>(factors.dx(v.y, g.y, w.y));
                result.value[4 * q + 2] = from_float<Y>(factors.dx(v.z, g.z, w.z));
                result.value[4 * q + 3] = from_float<Y>(factors.dx(v.w, g.w, w.w));
                if (p.partials) {
                    float4 sum = sums[slot];
                    sum.x = fmaf(g.x * factors.rstd, v.x, sum.x);
                    sum.y = fmaf(g.y * factors.rstd, v.y, sum.y);
                    sum.z = fmaf(g.z * factors.rstd, v.z, sum.z);
                    sum.w = fmaf(g.w * factors.rstd, v.w, sum.w);
                    sums[slot] = sum;
                }
            }
            store(p.dx + row * width + pack * N, result);
        }
    }
    if (!p.partials) return;
    __syncthreads();
    for_each_slot<N>(slots, threadIdx.x, kRmsThreads, [&](int slot, int pack, int quad) {
        if (pack >= packs) return;
        float4 sum{};
        for (int k = 0; k < kRmsWarps; ++k) {
            const float4 part = shared[slots * (1 + k) + slot];
            sum = {sum.x + part.x, sum.y + part.y, sum.z + part.z, sum.w + part.w};
        }
        reinterpret_cast<float4*>(p.partials + int64_t{blockIdx.x} * width)[pack * kQuads + quad] = sum;
    });
}

// A thread has the same pairs of columns in all rows, so that it alone adds to their sums in p.partials.
template <class X, class Y, class Turn>
__global__ void __launch_bounds__(kRmsThreadsOfRow)
    rms_backward_rows_of_any_width(__grid_constant__ const RmsBackward<X, Y> p, __grid_constant__ const Turn turn) {
    const int width = p.width;
    float* sums = p.partials ? p.partials + int64_t{blockIdx.x} * width : nullptr;
    const auto for_each_pair = [&](auto&& f) {
        for (int c = 2 * threadIdx.x; c < width; c += 2 * kRmsThreadsOfRow) f(c, c + 1 < width);
    };
    if (sums) {
        for_each_pair([&](int c, bool both) {
            sums[c] = 0;
            if (both) sums[c + 1] = 0;
        });
    }
    for (int64_t row = blockIdx.x; row < p.rows; row += gridDim.x) {
        const X* x = p.x + row * width;
        const Y* dy = p.dy + row * width;
        Y* dx = p.dx + row * width;
        const auto gradient = [&](int c, bool both) {
            float2 g{to_float(dy[c]), both ? to_float(dy[c + 1]) : 0.0f};
            if constexpr (Turn::kTurns) g = turned_back(g, turn.angle(turn.position(row), c % turn.head / 2));
            return g;
        };
        const auto weight = [&](int c, bool both) -> float2 {
            return p.weight ? float2{p.weight[c], both ? p.weight[c + 1] : 0.0f} : float2{1.0f, 1.0f};
        };
        const auto value = [&](int c, bool both) -> float2 {
            return {to_float(x[c]), both ? to_float(x[c + 1]) : 0.0f};
        };
        RmsFactors factors;
        if (p.weight) {
            float squares = 0, products = 0;
            for_each_pair([&](int c, bool both) {
                const float2 v = value(c, both), g = gradient(c, both), w = weight(c, both);
                squares = fmaf(v.x, v.x, fmaf(v.y, v.y, squares));
                products = fmaf(g.x * w.x, v.x, fmaf(g.y * w.y, v.y, products));
            });
            squares = block_sum<kRmsThreadsOfRow>(squares);
            factors = {squares, block_sum<kRmsThreadsOfRow>(products), width, p.eps};
        }
        for_each_pair([&](int c, bool both) {
            const float2 v = value(c, both), g = gradient(c, both), w = weight(c, both);
            dx[c] = from_float<Y>(factors.dx(v.x, g.x, w.x));
            if (both) dx[c + 1] = from_float<Y>(factors.dx(v.y, g.y, w.y));
            if (!sums) return;
            sums[c] = fmaf(g.x * factors.rstd, v.x, sums[c]);
            if (both) sums[c + 1] = fmaf(g.y * factors.rstd, v.y, sums[c + 1]);
        });
    }
}

// `vectors`: a lane's packs lie at the same offset in their heads. Of p, partials are set here.
template <class X, class Y, class Turn>
void rms_backward(Context& ctx, RmsBackward<X, Y> p, const Turn& turn, bool vectors, Tensor* dweight) {
    constexpr int N = kPack<X, Y>;
    if (p.rows == 0) return;
    const State& s = state(ctx);
    const int64_t most = sum_blocks(s.traits), width = p.width;
    Tensor scratch;
    const auto take_scratch = [&](int64_t blocks) {
        if (!dweight) return;
        scratch = empty(ctx, {blocks, width});
        p.partials = out<float>(scratch);
    };
    if (vectors && width % N == 0 && width / N <= 32 * kMostRmsItems && aligned(p.x, p.weight, p.dy, p.dx)) {
        visit_items<N>(width, 32, [&]<int kItems>() {
            if constexpr (kItems <= kMostRmsItems) {
                const auto kernel = rms_backward_rows<N, kItems, X, Y, Turn>;
                const size_t row = sizeof(float) * static_cast<size_t>((width / N + 31) / 32 * 32 * N);
                const size_t shared = row * (dweight ? 1 + kRmsWarps : 1);
                const unsigned blocks = resident_blocks(s, kernel, kRmsThreads, shared,
                                                        std::min(most, (p.rows + kRmsWarps - 1) / kRmsWarps));
                take_scratch(blocks);
                kernel<<<blocks, kRmsThreads, shared, s.stream>>>(p, turn);
            }
        });
    } else {
        const int64_t blocks = std::min(most, p.rows);
        take_scratch(blocks);
        rms_backward_rows_of_any_width<<<static_cast<unsigned>(blocks), kRmsThreadsOfRow, 0, s.stream>>>(p, turn);
    }
    check_launch();
    if (dweight) add_partials(s, p.partials, scratch.dim(0), width, width, out<float>(*dweight));
}

}  // namespace t3video::cuda
