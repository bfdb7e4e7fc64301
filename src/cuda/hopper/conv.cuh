// A tile of hopper_conv: where it lies, and how its sums start and end.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <type_traits>

#include "cuda/hopper/instructions.cuh"

namespace t3video::cuda::hopper {

// What a launch is told; zeros: found from the rest by the tile's size.
struct ConvLaunch {
    int tiles = 0, tiles_co = 0, tiles_w = 0;  // channels change fastest, then frames, columns and rows
    int tile_h = 0, tile_w = 0;
    int t, h, w, co, ci;
    int kt, kh, kw, chunks;
    int first_t, first_h, first_w;
    int box_w = 0, box_bytes = 0, box_stride = 0, box_stages = 0;  // a tile's input with what the taps reach beyond it
    int64_t y_frame, y_row, y_column;
    int run_ends[2] = {};  // frames of x before the second and before the third run
    const float* bias;
    // Of the residual the first rows, and the others as if they began with row 0.
    const __nv_bfloat16 *residual, *above;
    int64_t residual_frame, above_frame;
    int above_rows;
    __nv_bfloat16* y;
    float least;  // sums below become this: 0, or minus infinity
};

// The first output channel, frame, row and column of a tile.
struct TileOrigin {
    int co, t, h, w;
};
__device__ inline TileOrigin origin_of(const ConvLaunch& p, int tile, int columns) {
    const int n = tile % p.tiles_co, frame = tile / p.tiles_co;
    const int t = frame % p.t, spot = frame / p.t;
    return {n * columns, t, spot / p.tiles_w * p.tile_h, spot % p.tiles_w * p.tile_w};
}

// Where the residual of a pixel lies.
__device__ inline const __nv_bfloat16* residual_of(const ConvLaunch& p, int t, int row, int column) {
    const __nv_bfloat16* const frame =
        row < p.above_rows ? p.above + t * p.above_frame : p.residual + t * p.residual_frame;
    return frame + row * p.y_row + column * p.y_column;
}

// The two pixels whose sums a thread holds in one block.
struct Pixels {
    int64_t offset[2];
    bool inside[2];
    const __nv_bfloat16* residual[2];
};

// row and column: of the thread's first pixel if it were in block 0
__device__ inline Pixels pixels_of(const ConvLaunch& p, int t, int row, int column, int block) {
    const int blocks_w = p.tile_w / 8;
    row += block / blocks_w * 8;
    column += block % blocks_w * 8;
    const int64_t offset = t * p.y_frame + row * p.y_row + column * p.y_column;
    return {{offset, offset + p.y_row},
            {row < p.h && column < p.w, row + 1 < p.h && column < p.w},
            {residual_of(p, t, row, column), residual_of(p, t, row + 1, column)}};
}

// What a thread holds of a pixel are pairs of channels, eight apart; where N is a multiple of 32 the weight's rows are
// laid out so that four of its pairs are channels side by side.
template <int N>
constexpr int kWords = N % 32 == 0 ? 4 : 1;  // of two channels
template <int N>
using Words = std::conditional_t<kWords<N> == 4, uint4, uint32_t>;
// The first channel of the i-th of these.
template <int N>
__device__ inline int first_channel(int i) {
    return i * 8 * kWords<N> + static_cast<int>(threadIdx.x & 3) * 2 * kWords<N>;
}

// sums = bias + residual in a thread's two pixels of a block, channels first .. first + N of the result
template <int N>
__device__ inline void start_sums(const ConvLaunch& p, const Pixels& pixels, int first, float (&sums)[N / 2]) {
    constexpr int kCount = kWords<N>;
#pragma unroll
    for (int g = 0; g < N / 8 / kCount; ++g) {
        const int c = first + first_channel<N>(g);
        float2 bias[kCount] = {};
        if (p.bias && c < p.co) {
#pragma unroll
            for (int j = 0; j < kCount; ++j) bias[j] = __ldg(reinterpret_cast<const float2*>(p.bias + c) + j);
        }
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            Words<N> all{};
            if (p.residual && pixels.inside[i] && c < p.co) {
                all = *reinterpret_cast<const Words<N>*>(pixels.residual[i] + c);
            }
#pragma unroll
            for (int j = 0; j < kCount; ++j) {
                const uint32_t word = reinterpret_cast<const uint32_t*>(&all)[j];
                sums[(g * kCount + j) * 4 + i * 2] = bias[j].x + low_of(word);
                sums[(g * kCount + j) * 4 + i * 2 + 1] = bias[j].y + high_of(word);
            }
        }
    }
}

// x, or `least` if that is more; NaN stays.
__device__ inline float at_least(float x, float least) {
    return x < least ? least : x;
}

// y = sums, those below p.least raised to it
template <int N>
__device__ inline void store_sums(const ConvLaunch& p, const Pixels& pixels, int first, const float (&sums)[N / 2]) {
    constexpr int kCount = kWords<N>;
#pragma unroll
    for (int g = 0; g < N / 8 / kCount; ++g) {
        const int c = first + first_channel<N>(g);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            Words<N> all;
#pragma unroll
            for (int j = 0; j < kCount; ++j) {
                const int at = (g * kCount + j) * 4 + i * 2;
                reinterpret_cast<uint32_t*>(&all)[j] =
                    pack(at_least(sums[at], p.least), at_least(sums[at + 1], p.least));
            }
            if (pixels.inside[i] && c < p.co) *reinterpret_cast<Words<N>*>(p.y + pixels.offset[i] + c) = all;
        }
    }
}

// Asks for the residual of a tile, by a warp.
__device__ inline void prefetch_residual(const ConvLaunch& p, const TileOrigin& at, int columns) {
    const int bytes = min(columns, p.co - at.co) * 2;
    for (int i = threadIdx.x % 32; i < p.tile_h * p.tile_w; i += 32) {
        const int row = at.h + i / p.tile_w, column = at.w + i % p.tile_w;
        if (row >= p.h || column >= p.w) continue;
        prefetch(residual_of(p, at.t, row, column) + at.co, bytes);
    }
}

}  // namespace t3video::cuda::hopper
