// A block takes some tiles of queries of a head. Keys and values stay in its shared memory, and the sums of dk and dv
// in its registers, so that queries and dy are read once and dq is written once; scores never leave the chip. Bound by
// the reads of shared memory that feed the matrix units: 590 KiB for a tile of heads of 128, where 48 KiB go from or to
// memory.
#include "cuda/few_keys_backward.h"

#include <cmath>

#include "cuda/kernel.cuh"
#include "cuda/mma.cuh"

namespace t3video::cuda {
namespace {

constexpr int kKeys = static_cast<int>(kFewKeys), kRows = static_cast<int>(kFewKeysRows);
constexpr int kWarps = 8, kThreads = kWarps * 32;
// A warp takes 32 queries and 32 keys of scores, 32 queries and a quarter of the channels of dq, and 32 keys and half
// of the channels of dk and dv.
constexpr int kPart = 32, kKeyParts = kKeys / kPart, kRowParts = kRows / kPart;
static_assert(kKeyParts * kRowParts == kWarps);

struct Launch {
    int64_t rows, stride;  // elements from row to row
    int64_t chunk_rows;    // of a block
    int keys;
    float scale, last_bias;  // of scores; the bias in units of log 2
};

struct Operands {
    const __nv_bfloat16 *q, *k, *v, *dy;
    __nv_bfloat16* dq;
    float *dk, *dv;  // [chunks, heads, keys, width]
};

// Of the keys of a part, for a row: the largest score, and the sums of exp2(score - largest) and of that times dp.
struct Statistics {
    float largest[kKeyParts][kRows], sum[kKeyParts][kRows], weighted[kKeyParts][kRows];
};

// For heads of 128 as much as a block can have at capability 8.0, for heads of 64 at 8.6.
template <int kWidth>
struct Memory {
    unsigned char k[kKeys * kWidth * 2], v[kKeys * kWidth * 2];
    unsigned char q[2][kRows * kWidth * 2], dy[2][kRows * kWidth * 2];  // one computed, the next on its way
    unsigned char p[kRows * kKeys * 2], ds[kRows * kKeys * 2];
    Statistics statistics;
};
static_assert(sizeof(Memory<128>) <= 163 << 10 && sizeof(Memory<64>) <= 99 << 10);

__device__ inline uint32_t shared_address(const void* x) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(x));
}

// 16 bytes into shared memory, or zeros, while the thread goes on.
__device__ inline void copy_chunk(uint32_t to, const __nv_bfloat16* from, bool there) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}
__device__ inline void wait_for_copies() {
    asm volatile("cp.async.wait_all;" ::: "memory");
}
// For the warps that share queries.
__device__ inline void wait_for_row_part(int part) {
    asm volatile("bar.sync %0, %1;" ::"r"(part + 1), "n"(kKeyParts * 32) : "memory");
}

// Starts to copy the rows `first` to `first + kTileRows`, with zeros behind the last.
template <int kWidth, int kTileRows>
__device__ inline void start_copy(uint32_t to, const __nv_bfloat16* from, int64_t first, int64_t rows, int64_t stride) {
    constexpr int kChunks = kWidth / 8;
    static_assert(kTileRows * kChunks % kThreads == 0);
#pragma unroll
    for (int j = 0; j < kTileRows * kChunks / kThreads; ++j) {
        const int i = j * kThreads + static_cast<int>(threadIdx.x), row = i / kChunks, chunk = i % kChunks;
        const bool there = first + row < rows;
        copy_chunk(to + place<kWidth>(row, chunk), from + (there ? first + row : 0) * stride + chunk * 8, there);
    }
}

// sums += rows of a times rows of b, both of kWidth elements in memory; 32 of each from the given ones on. Not unrolled
// further, as all the addresses would take registers from the sums of dk and dv.
template <int kWidth>
__device__ inline void multiply_rows(float (&sums)[2][4][4], uint32_t a_tile, int a_row, uint32_t b_tile, int b_row,
                                     int lane) {
#pragma unroll 2
    for (int step = 0; step < kWidth / 16; ++step) {
        uint32_t a[2][4];
#pragma unroll
        for (int m = 0; m < 2; ++m)
            load_matrices(a[m], a_tile + place<kWidth>(a_row + m * 16 + lane % 16, step * 2 + lane / 16));
#pragma unroll
        for (int n = 0; n < 4; n += 2) {
            uint32_t b[4];
            load_matrices(b, b_tile + place<kWidth>(b_row + (n + lane / 16) * 8 + lane % 8, step * 2 + lane / 8 % 2));
#pragma unroll
            for (int m = 0; m < 2; ++m) {
                multiply(sums[m][n], a[m], b[0], b[1]);
                multiply(sums[m][n + 1], a[m], b[2], b[3]);
            }
        }
    }
}

// sums += weights^T x over the rows of a tile: of 32 keys, and kTiles * 8 channels from `chunk` * 8 on.
template <int kWidth, int kTiles>
__device__ inline void sum_over_rows(float (&sums)[2][kTiles][4], uint32_t weights, int key, uint32_t x, int chunk,
                                     int lane) {
#pragma unroll
    for (int step = 0; step < kRows / 16; ++step) {
        uint32_t a[2][4];
#pragma unroll
        for (int m = 0; m < 2; ++m) {
            load_matrices_transposed(
                a[m], weights + place<kKeys>(step * 16 + lane / 16 * 8 + lane % 8, key / 8 + m * 2 + lane / 8 % 2));
        }
#pragma unroll
        for (int n = 0; n < kTiles; n += 2) {
            uint32_t b[4];
            load_matrices_transposed(b,
                                     x + place<kWidth>(step * 16 + lane / 8 % 2 * 8 + lane % 8, chunk + n + lane / 16));
#pragma unroll
            for (int m = 0; m < 2; ++m) {
                multiply(sums[m][n], a[m], b[0], b[1]);
                multiply(sums[m][n + 1], a[m], b[2], b[3]);
            }
        }
    }
}

// From scores and dp of 32 queries and 32 keys to p and ds in shared memory. A thread holds two neighbours in each of
// four tiles of keys, of the rows lane / 4 + m * 16 + r * 8.
template <int kWidth>
__device__ inline void softmax_gradients(const Launch& l, Memory<kWidth>& memory, float (&scores)[2][4][4],
                                         const float (&dp)[2][4][4], int row_part, int key_part, int lane) {
    constexpr float kLog2E = 1.44269504f;
    const float scale = l.scale * kLog2E;
    Statistics& all = memory.statistics;
    const int own_row = row_part * kPart + lane / 4, own_key = key_part * kPart + lane % 4 * 2;
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            float largest = -INFINITY, sum = 0, weighted = 0;
#pragma unroll
            for (int n = 0; n < 4; ++n) {
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    const int key = own_key + n * 8 + i;
                    float& score = scores[m][n][r * 2 + i];
                    score = key < l.keys ? fmaf(score, scale, key == l.keys - 1 ? l.last_bias : 0.0f) : -INFINITY;
                    largest = fmaxf(largest, score);
                }
            }
            largest = largest_of_row(largest);
            const float base = largest == -INFINITY ? 0.0f : largest;  // of a part without keys all weights are zero
#pragma unroll
            for (int n = 0; n < 4; ++n) {
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    float& score = scores[m][n][r * 2 + i];
                    score = exp2f(score - base);
                    sum += score;
                    weighted = fmaf(score, dp[m][n][r * 2 + i], weighted);
                }
            }
            sum = sum_of_row(sum);
            weighted = sum_of_row(weighted);
            if (lane % 4 == 0) {
                const int row = own_row + m * 16 + r * 8;
                all.largest[key_part][row] = largest;
                all.sum[key_part][row] = sum;
                all.weighted[key_part][row] = weighted;
            }
        }
    }
    wait_for_row_part(row_part);
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const int row = own_row + m * 16 + r * 8;
            float largest = all.largest[0][row], sum = 0, weighted = 0;
#pragma unroll
            for (int part = 1; part < kKeyParts; ++part) largest = fmaxf(largest, all.largest[part][row]);
#pragma unroll
            for (int part = 0; part < kKeyParts; ++part) {
                const float factor = exp2f(all.largest[part][row] - largest);
                sum = fmaf(all.sum[part][row], factor, sum);
                weighted = fmaf(all.weighted[part][row], factor, weighted);
            }
            const float inverse = 1.0f / sum, mean = weighted * inverse;
            const float factor = exp2f(all.largest[key_part][row] - largest) * inverse;
#pragma unroll
            for (int n = 0; n < 4; ++n) {
                float p[2], ds[2];
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    p[i] = scores[m][n][r * 2 + i] * factor;
                    ds[i] = p[i] * (dp[m][n][r * 2 + i] - mean);
                }
                const uint32_t at = place<kKeys>(row, key_part * (kPart / 8) + n) + lane % 4 * 4;
                *reinterpret_cast<uint32_t*>(memory.p + at) = pair_of(p[0], p[1]);
                *reinterpret_cast<uint32_t*>(memory.ds + at) = pair_of(ds[0], ds[1]);
            }
        }
    }
}

// dq = scale ds k of 32 queries and kWidth / 4 channels.
template <int kWidth>
__device__ inline void write_dq(const Launch& l, uint32_t ds, uint32_t keys, __nv_bfloat16* dq, int64_t first,
                                int row_part, int column_part, int lane) {
    constexpr int kTiles = kWidth / 4 / 8;
    float sums[2][kTiles][4] = {};
#pragma unroll 2
    for (int step = 0; step < kKeys / 16; ++step) {
        if (step * 16 >= l.keys) break;
        uint32_t a[2][4];
#pragma unroll
        for (int m = 0; m < 2; ++m)
            load_matrices(a[m], ds + place<kKeys>(row_part * kPart + m * 16 + lane % 16, step * 2 + lane / 16));
#pragma unroll
        for (int n = 0; n < kTiles; n += 2) {
            uint32_t b[4];
            load_matrices_transposed(
                b, keys + place<kWidth>(step * 16 + lane / 8 % 2 * 8 + lane % 8, column_part * kTiles + n + lane / 16));
#pragma unroll
            for (int m = 0; m < 2; ++m) {
                multiply(sums[m][n], a[m], b[0], b[1]);
                multiply(sums[m][n + 1], a[m], b[2], b[3]);
            }
        }
    }
    // Of two tiles each pair of lanes trades halves, so that eight bytes of a lane follow one another in one of them,
    // and four lanes write 32.
    const bool odd = lane % 2 != 0;
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const int64_t row = first + row_part * kPart + m * 16 + r * 8 + lane / 4;
#pragma unroll
            for (int n = 0; n < kTiles; n += 2) {
                const auto pair = [&](int tile) {
                    return pair_of(l.scale * sums[m][tile][r * 2], l.scale * sums[m][tile][r * 2 + 1]);
                };
                const uint32_t left = pair(n), right = pair(n + 1);
                const uint32_t other = __shfl_xor_sync(0xffffffffu, odd ? left : right, 1);
                const int column = (column_part * kTiles + n + (odd ? 1 : 0)) * 8 + lane % 4 / 2 * 4;
                if (row < l.rows) {
                    *reinterpret_cast<uint2*>(dq + row * l.stride + column) =
                        odd ? make_uint2(other, right) : make_uint2(left, other);
                }
            }
        }
    }
}

template <int kWidth>
__global__ __launch_bounds__(kThreads, 1) void backward(Launch l, Operands x) {
    constexpr int kTiles = kWidth / 2 / 8;
    extern __shared__ __align__(1024) unsigned char bytes[];
    auto& memory = *reinterpret_cast<Memory<kWidth>*>(bytes);
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int key_part = warp % kKeyParts, row_part = warp / kKeyParts;
    const int64_t column = int64_t{blockIdx.y} * kWidth;
    const int64_t begin = int64_t{blockIdx.x} * l.chunk_rows, end = min(begin + l.chunk_rows, l.rows);
    const uint32_t k = shared_address(memory.k), v = shared_address(memory.v), p = shared_address(memory.p),
                   ds = shared_address(memory.ds);
    constexpr uint32_t kTileBytes = kRows * kWidth * 2;
    const uint32_t q_tiles = shared_address(memory.q), dy_tiles = shared_address(memory.dy);

    start_copy<kWidth, kKeys>(k, x.k + column, 0, l.keys, l.stride);
    start_copy<kWidth, kKeys>(v, x.v + column, 0, l.keys, l.stride);
    start_copy<kWidth, kRows>(q_tiles, x.q + column, begin, end, l.stride);
    start_copy<kWidth, kRows>(dy_tiles, x.dy + column, begin, end, l.stride);

    float dk[2][kTiles][4] = {}, dv[2][kTiles][4] = {};
    uint32_t now = 0;  // the first byte of the tiles in use
#pragma unroll 1
    for (int64_t first = begin; first < end; first += kRows, now ^= kTileBytes) {
        wait_for_copies();
        __syncthreads();  // the copies of all have arrived, and all are done with the tiles before
        if (first + kRows < end) {
            start_copy<kWidth, kRows>(q_tiles + (now ^ kTileBytes), x.q + column, first + kRows, end, l.stride);
            start_copy<kWidth, kRows>(dy_tiles + (now ^ kTileBytes), x.dy + column, first + kRows, end, l.stride);
        }
        {
            float scores[2][4][4] = {}, dp[2][4][4] = {};
            multiply_rows<kWidth>(scores, q_tiles + now, row_part * kPart, k, key_part * kPart, lane);
            multiply_rows<kWidth>(dp, dy_tiles + now, row_part * kPart, v, key_part * kPart, lane);
            softmax_gradients<kWidth>(l, memory, scores, dp, row_part, key_part, lane);
        }
        __syncthreads();  // p and ds are complete
        sum_over_rows<kWidth, kTiles>(dv, p, key_part * kPart, dy_tiles + now, row_part * kTiles, lane);
        sum_over_rows<kWidth, kTiles>(dk, ds, key_part * kPart, q_tiles + now, row_part * kTiles, lane);
        write_dq<kWidth>(l, ds, k, x.dq + column, first, row_part, key_part, lane);
    }

    const int64_t part = (int64_t{blockIdx.x} * gridDim.y + blockIdx.y) * l.keys;
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const int key = key_part * kPart + m * 16 + r * 8 + lane / 4;
            if (key >= l.keys) continue;
            const int64_t at = (part + key) * kWidth + row_part * (kWidth / 2) + lane % 4 * 2;
#pragma unroll
            for (int n = 0; n < kTiles; ++n) {
                *reinterpret_cast<float2*>(x.dk + at + n * 8) =
                    make_float2(l.scale * dk[m][n][r * 2], l.scale * dk[m][n][r * 2 + 1]);
                *reinterpret_cast<float2*>(x.dv + at + n * 8) = make_float2(dv[m][n][r * 2], dv[m][n][r * 2 + 1]);
            }
        }
    }
}

// to: [keys, heads, width] += the sum over chunks of from: [chunks, heads, keys, width], of dk or dv by blockIdx.y.
__global__ __launch_bounds__(kThreads) void add_chunks(int64_t chunks, int heads, int keys, int width,
                                                       const float* dk_from, const float* dv_from, float* dk,
                                                       float* dv) {
    const float* from = blockIdx.y == 0 ? dk_from : dv_from;
    float* to = blockIdx.y == 0 ? dk : dv;
    const int64_t count = int64_t{heads} * keys * width;
    for (int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4; i < count;
         i += int64_t{gridDim.x} * kThreads * 4) {
        const int64_t row = i / width;  // of [heads, keys]
        float* at = to + (row % keys * heads + row / keys) * width + i % width;
        auto sum = load<4>(at);
#pragma unroll 4
        for (int64_t chunk = 0; chunk < chunks; ++chunk) {
            const auto x = load<4>(from + chunk * count + i);
            for (int j = 0; j < 4; ++j) sum.value[j] += x.value[j];
        }
        store(at, sum);
    }
}

template <int kWidth>
void launch(State& s, const Launch& l, const Operands& x, dim3 blocks) {
    constexpr int kBytes = sizeof(Memory<kWidth>);
    check(cudaFuncSetAttribute(backward<kWidth>, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes));
    backward<kWidth><<<blocks, kThreads, kBytes, s.stream>>>(l, x);
    check_launch();
}

size_t shared_bytes_of_block(const State& s) {
    int bytes = 0;
    check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, s.traits.id.ordinal));
    return static_cast<size_t>(bytes);
}

}  // namespace

bool few_keys_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                       const ops::AttentionOptions& options, Tensor& dq, Tensor& dk, Tensor& dv) {
    const int64_t heads = options.heads, keys = k.dim(0), width = q.dim(1) / heads;
    if (!are_few_keys(q.dtype(), keys, width, v.dim(1) / heads) || heads > 65535 || q.dim(0) == 0 ||
        !aligned(q.raw(), k.raw(), v.raw(), dy.raw(), dq.raw(), dk.raw(), dv.raw()))
        return false;
    State& s = state(ctx);
    if (shared_bytes_of_block(s) < (width == 64 ? sizeof(Memory<64>) : sizeof(Memory<128>))) return false;
    const FewKeysChunks chunks(heads, q.dim(0));
    Tensor dk_parts = empty(ctx, {chunks.count, heads, keys, width}), dv_parts = empty(ctx, dk_parts.shape());
    const Launch l{.rows = q.dim(0),
                   .stride = q.dim(1),
                   .chunk_rows = chunks.tiles * kRows,
                   .keys = static_cast<int>(keys),
                   .scale = options.scale,
                   .last_bias = std::log2(static_cast<float>(options.last_key_count))};
    using T = __nv_bfloat16;
    const Operands x{in<T>(q), in<T>(k), in<T>(v), in<T>(dy), out<T>(dq), out<float>(dk_parts), out<float>(dv_parts)};
    const dim3 blocks(static_cast<unsigned>(chunks.count), static_cast<unsigned>(heads));
    (width == 64 ? launch<64> : launch<128>)(s, l, x, blocks);
    const int64_t sums = (heads * keys * width / 4 + kThreads - 1) / kThreads;
    add_chunks<<<dim3(blocks_for(s, sums), 2), kThreads, 0, s.stream>>>(
        chunks.count, static_cast<int>(heads), static_cast<int>(keys), static_cast<int>(width), in<float>(dk_parts),
        in<float>(dv_parts), out<float>(dk), out<float>(dv));
    check_launch();
    return true;
}

}  // namespace t3video::cuda
