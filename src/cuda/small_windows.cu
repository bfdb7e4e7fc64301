// Bound by memory: rows are read where they lie and written once. In bf16 with heads of 64 or 128 elements a block
// takes a tile of up to 64 rows, as many whole windows as fit, through the matrix units, and weights of keys in other
// windows are zero: a tile costs the same whatever its windows, and is at least half full. All else takes a warp per
// query, whose time grows with the window.
#include "cuda/small_windows.h"

#include "cuda/kernel.cuh"
#include "cuda/mma.cuh"

namespace t3video::cuda {
namespace {

constexpr int kMostRows = static_cast<int>(kSmallWindow);  // of a tile, 16 for each of its warps
constexpr int kFewerRows = 48;                             // of a tile of one window that has no more
constexpr int kWarps = 4, kThreads = kWarps * 32;          // where a warp takes a query

struct Launch {
    const int64_t* order;
    int64_t rows, stride;          // all rows of these windows; elements from row to row
    int tokens, tile_rows, heads;  // of a window; of the windows of a tile
    float scale;                   // of scores
    bool average;
    LogSumExp log_sum_exp;

    __device__ int64_t row(int64_t i) const { return order ? __ldg(order + i) : i; }
};

template <int kWidth, int kRows>
__global__ __launch_bounds__(kRows * 2) void attend_tile(Launch p, const __nv_bfloat16* q, const __nv_bfloat16* k,
                                                         const __nv_bfloat16* v, __nv_bfloat16* y) {
    constexpr int kChunks = kWidth / 8;  // of a row, 16 bytes each
    __shared__ __align__(1024) unsigned char tiles[3][kRows * kWidth * 2];
    const int head = static_cast<int>(blockIdx.y), warp = static_cast<int>(threadIdx.x) / 32,
              lane = static_cast<int>(threadIdx.x) % 32;
    const int64_t first = int64_t{blockIdx.x} * p.tile_rows;
    const int rows = static_cast<int>(min(static_cast<int64_t>(p.tile_rows), p.rows - first));
#pragma unroll 2
    for (int i = static_cast<int>(threadIdx.x); i < kRows * kChunks; i += kRows * 2) {
        const int row = i / kChunks, chunk = i % kChunks;
        uint4 x[3] = {};  // zeros where the tile has no row: their weights are zero, and must not meet a NaN
        if (row < rows) {
            const int64_t at = p.row(first + row) * p.stride + head * kWidth + chunk * 8;
            x[0] = __ldg(reinterpret_cast<const uint4*>(q + at));
            x[1] = __ldg(reinterpret_cast<const uint4*>(k + at));
            x[2] = __ldg(reinterpret_cast<const uint4*>(v + at));
        }
        for (int j = 0; j < 3; ++j) *reinterpret_cast<uint4*>(tiles[j] + place<kWidth>(row, chunk)) = x[j];
    }
    __syncthreads();
    if (warp * 16 >= rows) return;

    const auto queries = static_cast<uint32_t>(__cvta_generic_to_shared(tiles[0])),
               keys = static_cast<uint32_t>(__cvta_generic_to_shared(tiles[1])),
               values = static_cast<uint32_t>(__cvta_generic_to_shared(tiles[2]));
    float scores[kRows / 8][4] = {};
#pragma unroll
    for (int step = 0; step < kWidth / 16; ++step) {
        uint32_t a[4];
        load_matrices(a, queries + place<kWidth>(warp * 16 + lane % 16, step * 2 + lane / 16));
#pragma unroll
        for (int tile = 0; tile < kRows / 8; tile += 2) {
            uint32_t b[4];
            load_matrices(b, keys + place<kWidth>((tile + lane / 16) * 8 + lane % 8, step * 2 + lane / 8 % 2));
            multiply(scores[tile], a, b[0], b[1]);
            multiply(scores[tile + 1], a, b[2], b[3]);
        }
    }

    // Two rows a thread, eight apart.
    const int own = warp * 16 + lane / 4, column = lane % 4 * 2;
    constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147181f;
    const float scale = p.scale * kLog2E;
    float sum[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        const int begin = (own + r * 8) / p.tokens * p.tokens, end = begin + p.tokens;
        float top = -INFINITY;
#pragma unroll
        for (int tile = 0; tile < kRows / 8; ++tile) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const int key = tile * 8 + column + i;
                float& score = scores[tile][r * 2 + i];
                score = key >= begin && key < end ? score * scale : -INFINITY;
                top = fmaxf(top, score);
            }
        }
        top = largest_of_row(top);
        sum[r] = 0;
#pragma unroll
        for (int tile = 0; tile < kRows / 8; ++tile) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float& score = scores[tile][r * 2 + i];
                score = exp2f(score - top);
                sum[r] += score;
            }
        }
        sum[r] = sum_of_row(sum[r]);
        const int row = own + r * 8;
        if (p.log_sum_exp.to && lane % 4 == 0 && row < rows)
            p.log_sum_exp.store(head, first + row, (top + log2f(sum[r])) * kLn2);
    }

    float sums[kWidth / 8][4] = {};
#pragma unroll
    for (int step = 0; step < kRows / 16; ++step) {
        const auto& left = scores[step * 2];
        const auto& right = scores[step * 2 + 1];
        const uint32_t a[4] = {pair_of(left[0], left[1]), pair_of(left[2], left[3]), pair_of(right[0], right[1]),
                               pair_of(right[2], right[3])};
#pragma unroll
        for (int tile = 0; tile < kWidth / 8; tile += 2) {
            uint32_t b[4];
            load_matrices_transposed(b,
                                     values + place<kWidth>(step * 16 + lane / 8 % 2 * 8 + lane % 8, tile + lane / 16));
            multiply(sums[tile], a, b[0], b[1]);
            multiply(sums[tile + 1], a, b[2], b[3]);
        }
    }

    // Through the queries' rows, which no other warp reads.
#pragma unroll
    for (int tile = 0; tile < kWidth / 8; ++tile) {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            *reinterpret_cast<uint32_t*>(tiles[0] + place<kWidth>(own + r * 8, tile) + column * 2) =
                pair_of(sums[tile][r * 2] / sum[r], sums[tile][r * 2 + 1] / sum[r]);
        }
    }
    __syncwarp();
    for (int i = lane; i < 16 * kChunks; i += 32) {
        const int row = warp * 16 + i / kChunks, chunk = i % kChunks;
        if (row >= rows) continue;
        auto result = *reinterpret_cast<const Pack<__nv_bfloat16, 8>*>(tiles[0] + place<kWidth>(row, chunk));
        __nv_bfloat16* to = y + p.row(first + row) * p.stride + head * kWidth + chunk * 8;
        if (p.average) {
            const auto other = load<8>(to);
            for (int j = 0; j < 8; ++j)
                result.value[j] =
                    from_float<__nv_bfloat16>(0.5f * (to_float(result.value[j]) + to_float(other.value[j])));
        }
        store(to, result);
    }
}

// Any type and width.
template <class T>
__global__ __launch_bounds__(kThreads) void attend_row(Launch p, int width, const T* q, const T* k, const T* v, T* y) {
    constexpr int kHeld = kMostRows / 32;  // scores a lane holds: of keys lane, lane + 32, ...
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int64_t warps = int64_t{gridDim.x} * kWarps;
    for (int64_t i = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32; i < p.rows * p.heads; i += warps) {
        const int64_t at = i / p.heads, begin = at / p.tokens * p.tokens, own = p.row(at) * p.stride;
        const int64_t column = i % p.heads * width;
        float scores[kHeld];
        for (float& score : scores) score = -INFINITY;
        for (int key = 0; key < p.tokens; ++key) {
            const T* row = k + p.row(begin + key) * p.stride + column;
            float dot = 0;
            for (int c = lane; c < width; c += 32) dot = fmaf(to_float(q[own + column + c]), to_float(row[c]), dot);
            for (int step = 16; step > 0; step /= 2) dot += __shfl_xor_sync(0xffffffffu, dot, step);
#pragma unroll
            for (int j = 0; j < kHeld; ++j) {
                if (key == lane + j * 32) scores[j] = dot * p.scale;
            }
        }
        float top = scores[0];
        for (int j = 1; j < kHeld; ++j) top = fmaxf(top, scores[j]);
        for (int step = 16; step > 0; step /= 2) top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, step));
        float sum = 0;
        for (float& score : scores) sum += score = expf(score - top);
        for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
        if (p.log_sum_exp.to && lane == 0) p.log_sum_exp.store(i % p.heads, at, top + logf(sum));
        for (int base = 0; base < width; base += 32) {  // all lanes together: they lend each other their weights
            const int c = base + lane;
            float result = 0;
            for (int key = 0; key < p.tokens; ++key) {
                float weight = 0;
#pragma unroll
                for (int j = 0; j < kHeld; ++j) {
                    const float lent = __shfl_sync(0xffffffffu, scores[j], key % 32);
                    if (key / 32 == j) weight = lent;
                }
                if (c < width) result = fmaf(weight, to_float(v[p.row(begin + key) * p.stride + column + c]), result);
            }
            if (c >= width) continue;
            T& to = y[own + column + c];
            const T rounded = from_float<T>(result / sum);
            to = p.average ? from_float<T>(0.5f * (to_float(rounded) + to_float(to))) : rounded;
        }
    }
}

}  // namespace

void small_window_attention(Context& ctx, const SmallWindows& a, const Tensor& q, const Tensor& k, const Tensor& v,
                            Tensor& y) {
    require(a.tokens >= 1 && a.tokens <= kSmallWindow, "small_window_attention: windows of ", a.tokens, " tokens");
    const int64_t in_tile = kMostRows / a.tokens, width = q.dim(1) / a.heads;
    const Launch p{.order = a.order,
                   .rows = a.count * a.tokens,
                   .stride = q.dim(1),
                   .tokens = static_cast<int>(a.tokens),
                   .tile_rows = static_cast<int>(in_tile * a.tokens),
                   .heads = static_cast<int>(a.heads),
                   .scale = a.scale,
                   .average = a.average,
                   .log_sum_exp = a.log_sum_exp};
    if (p.rows <= 0) return;
    State& s = state(ctx);
    const bool aligned_rows = aligned(q.raw(), k.raw(), v.raw(), y.raw());
    if (q.dtype() == DType::bf16 && (width == 64 || width == 128) && aligned_rows && a.heads < 65536) {
        const dim3 blocks(static_cast<unsigned>((a.count + in_tile - 1) / in_tile), static_cast<unsigned>(a.heads));
        const auto launch = [&](auto* kernel, int rows) {
            using T = __nv_bfloat16;
            kernel<<<blocks, rows * 2, 0, s.stream>>>(p, in<T>(q), in<T>(k), in<T>(v), out<T>(y));
        };
        if (p.tile_rows > kFewerRows) {
            launch(width == 64 ? attend_tile<64, kMostRows> : attend_tile<128, kMostRows>, kMostRows);
        } else {
            launch(width == 64 ? attend_tile<64, kFewerRows> : attend_tile<128, kFewerRows>, kFewerRows);
        }
    } else {
        visit(q.dtype(), [&]<class T>() {
            attend_row<T><<<blocks_for(s, p.rows * p.heads / kWarps), kThreads, 0, s.stream>>>(
                p, static_cast<int>(width), in<T>(q), in<T>(k), in<T>(v), out<T>(y));
        });
    }
    check_launch();
}

}  // namespace t3video::cuda
