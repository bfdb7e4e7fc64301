// Convolution as an implicit matrix product. Bound by the matrix units at the card's power limit: an H200 sustains 790
// TFLOP/s in a large matrix product, and here, with 3x3x3 taps and as its clock allows from run to run, 700 to 800 from
// 96 to 96 channels, 750 to 790 from 192 to 192, 665 to 780 from 256 up; a residual costs about 4 %.
// A tile's input is loaded once per tap in time, with what the taps reach beyond its edges: the taps within the frame
// are operands that start at other rows of the same box. A box per tap would be three times the traffic, which would
// bound 96 channels. Bias and residual are what the sums start from; reading them there takes no further registers.
// Blocks stay on their multiprocessor and load ahead, so that the next tile arrives while one is written.
#include "cuda/hopper/conv.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <initializer_list>

#include "cuda/hopper/conv.cuh"
#include "cuda/hopper/instructions.cuh"
#include "cuda/hopper/tensor_map.h"
#include "cuda/state.h"

namespace t3video::cuda {
namespace {

using namespace hopper;

constexpr int kConsumers = 2;  // warpgroups that multiply; a third one loads
constexpr int kThreads = (kConsumers + 1) * 128;
constexpr int kMostStages = 8;
constexpr int kSharedBytes = 226 * 1024;  // of 227 KiB; the barriers are beside it
constexpr int kBoxAlignment = 1024;       // the swizzle's period

// A tile is kBlocks * 2 blocks of 8x8 pixels by kColumns channels of the result, each warpgroup having kBlocks blocks.
// Steps are over taps in time, then kChunk channels of the input, then taps in the frame.
template <int kColumns_, int kBlocks_, int kChunk_, int kWeightStages_>
struct Tile {
    static constexpr int kColumns = kColumns_, kBlocks = kBlocks_, kChunk = kChunk_, kWeightStages = kWeightStages_;
    static constexpr int kPixels = kConsumers * kBlocks * 64;
    static constexpr int kRowBytes = kChunk * 2;
    static constexpr int kWeightBytes = kColumns * kRowBytes;
    static constexpr int kBoxes = kSharedBytes - kWeightStages * kWeightBytes;  // bytes
    static_assert(kWeightBytes % kBoxAlignment == 0);
};

// x, a map for each run of frames.
struct RunMaps {
    CUtensorMap of[kMostRuns];
};

struct Barriers {
    uint64_t box_full[kMostStages], box_empty[kMostStages];
    uint64_t weight_full[kMostStages], weight_empty[kMostStages];
};

template <class T>
__global__ __launch_bounds__(kThreads, 1) void convolve(const __grid_constant__ RunMaps runs,
                                                        const __grid_constant__ CUtensorMap weight,
                                                        const ConvLaunch p) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    constexpr bool kSideBySide = kWords<T::kColumns> == 4;
    extern __shared__ __align__(kBoxAlignment) unsigned char buffers[];
    __shared__ Barriers barriers;
    if (threadIdx.x == 0) {
        for (int i = 0; i < kMostStages; ++i) {
            init_barrier(&barriers.box_full[i], 1);
            init_barrier(&barriers.box_empty[i], kConsumers * 4);
            init_barrier(&barriers.weight_full[i], 1);
            init_barrier(&barriers.weight_empty[i], kConsumers * 4);
        }
        fence_barriers();
    }
    __syncthreads();
    const uint32_t weights = shared_address(buffers), boxes = weights + T::kWeightStages * T::kWeightBytes;
    const uint32_t box_full = shared_address(barriers.box_full), box_empty = shared_address(barriers.box_empty);
    const uint32_t weight_full = shared_address(barriers.weight_full),
                   weight_empty = shared_address(barriers.weight_empty);
    const int group = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 128, 0);
    const int taps = p.kh * p.kw;

    if (group == 0) {
        fewer_registers<24>();
        if (threadIdx.x < 32) {
            Ring box;
#pragma unroll 1
            for (int tile = blockIdx.x; tile < p.tiles; tile += gridDim.x) {
                const TileOrigin at = origin_of(p, tile, T::kColumns);
                const int steps = p.kt * p.chunks;
                if (p.residual) prefetch_residual(p, at, T::kColumns);
#pragma unroll 1
                for (int step = 0; step < steps; ++step) {
                    if (threadIdx.x == 0) {
                        const uint32_t full = box_full + box.stage * 8;
                        wait(box_empty + box.stage * 8, box.parity ^ 1);
                        arrive_expecting(full, p.box_bytes);
                        const int frame = at.t + p.first_t + step / p.chunks;
                        const int run = (frame >= p.run_ends[0]) + (frame >= p.run_ends[1]);
                        const int before = run == 0 ? 0 : run == 1 ? p.run_ends[0] : p.run_ends[1];
                        load_box(boxes + box.stage * p.box_stride, runs.of[run], full, step % p.chunks * T::kChunk,
                                 at.w + p.first_w, at.h + p.first_h, frame - before);
                    }
                    __syncwarp();
                    box.next(p.box_stages);
                }
            }
        } else if (threadIdx.x == 32) {
            Ring stage;
#pragma unroll 1
            for (int tile = blockIdx.x; tile < p.tiles; tile += gridDim.x) {
                const TileOrigin at = origin_of(p, tile, T::kColumns);
#pragma unroll 1
                for (int step = 0; step < p.kt * p.chunks; ++step) {
                    int first = step / p.chunks * taps * p.ci + step % p.chunks * T::kChunk;
#pragma unroll 1
                    for (int tap = 0; tap < taps; ++tap, first += p.ci) {
                        const uint32_t full = weight_full + stage.stage * 8;
                        wait(weight_empty + stage.stage * 8, stage.parity ^ 1);
                        arrive_expecting(full, T::kWeightBytes);
                        load_box(weights + stage.stage * T::kWeightBytes, weight, full, first, kSideBySide ? 0 : at.co,
                                 0, 0, kSideBySide ? at.co / 32 : 0);
                        stage.next(T::kWeightStages);
                    }
                }
            }
        }
    } else {
        more_registers<240>();
        const int warp = threadIdx.x / 32 % 4, lane = threadIdx.x % 32;
        const int blocks_w = p.tile_w / 8, first_block = (group - 1) * T::kBlocks;
        const uint32_t eights = p.box_w * T::kRowBytes;
        uint32_t start[T::kBlocks];  // bytes from the box to the block's first pixel
#pragma unroll
        for (int m = 0; m < T::kBlocks; ++m) {
            const int block = first_block + m;
            start[m] = (block / blocks_w * 8 * p.box_w + block % blocks_w * 8) * T::kRowBytes;
        }
        float sums[T::kBlocks][T::kColumns / 2];
        Ring box, stage;
#pragma unroll 1
        for (int tile = blockIdx.x; tile < p.tiles; tile += gridDim.x) {
            // Of the step before, whose products are still under way: what it frees when they are done.
            uint32_t frees_weight = 0, frees_box = 0;
            const TileOrigin at = origin_of(p, tile, T::kColumns);
            const int row = at.h + warp * 2, column = at.w + lane / 4;
#pragma unroll
            for (int m = 0; m < T::kBlocks; ++m) {
                start_sums<T::kColumns>(p, pixels_of(p, at.t, row, column, first_block + m), at.co, sums[m]);
            }
            for (int left = p.kt * p.chunks; left > 0; --left) {
                wait(box_full + box.stage * 8, box.parity);
                const uint32_t box_at = boxes + box.stage * p.box_stride;
                for (int dy = 0; dy < p.kh; ++dy) {
                    for (int dx = 0; dx < p.kw; ++dx) {
                        wait(weight_full + stage.stage * 8, stage.parity);
                        const uint64_t a = operand<T::kRowBytes>(box_at + (dy * p.box_w + dx) * T::kRowBytes, eights);
                        const uint64_t b =
                            operand<T::kRowBytes>(weights + stage.stage * T::kWeightBytes, 8 * T::kRowBytes);
                        begin_products();
#pragma unroll
                        for (int k = 0; k < T::kChunk / 16; ++k) {
#pragma unroll
                            for (int m = 0; m < T::kBlocks; ++m) {
                                multiply<T::kColumns>(sums[m], a + (start[m] >> 4) + k * 2, b + k * 2);
                            }
                        }
                        commit_products();
                        await_products<1>();
                        if (lane == 0) {
                            if (frees_weight) arrive(frees_weight);
                            if (frees_box) arrive(frees_box);
                        }
                        frees_weight = weight_empty + stage.stage * 8;
                        frees_box = 0;
                        stage.next(T::kWeightStages);
                    }
                }
                frees_box = box_empty + box.stage * 8;
                box.next(p.box_stages);
            }
            await_products<0>();
            if (lane == 0) {
                arrive(frees_weight);
                arrive(frees_box);
            }
#pragma unroll
            for (int m = 0; m < T::kBlocks; ++m) {
                store_sums<T::kColumns>(p, pixels_of(p, at.t, row, column, first_block + m), at.co, sums[m]);
            }
        }
    }
#endif
}

// --- host -----------------------------------------------------------------------------------------------------------

int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

// The shape of a tile: the fewest tiles of a frame, then the smallest boxes.
template <class T>
void shape_tiles(const HopperConv& c, ConvLaunch& p) {
    int64_t least = 0;
    for (int wide = 8; wide <= T::kPixels / 8; wide += 8) {
        if (T::kPixels / 8 % wide != 0) continue;
        const int tall = T::kPixels / wide, box_w = wide + p.kw - 1, box_h = tall + p.kh - 1;
        const int bytes = box_w * box_h * T::kRowBytes;
        const int stride = (bytes + kBoxAlignment - 1) / kBoxAlignment * kBoxAlignment;
        const int64_t tiles = ceil_div(c.h, tall) * ceil_div(c.w, wide);
        if (2 * stride > T::kBoxes || box_w > 256 || box_h > 256) continue;  // 256: the longest a box may be
        if (least > 0 && (tiles > least || (tiles == least && bytes >= p.box_bytes))) continue;
        least = tiles;
        p.tile_h = tall, p.tile_w = wide;
        p.box_w = box_w, p.box_bytes = bytes, p.box_stride = stride;
        p.box_stages = std::min(T::kBoxes / stride, kMostStages);
    }
    require(least > 0, "hopper_conv: no tile for ", c.kh, " by ", c.kw, " taps");
    p.tiles_w = static_cast<int>(ceil_div(c.w, p.tile_w));
    p.tiles_co = static_cast<int>(ceil_div(c.co, T::kColumns));
    const int64_t tiles = least * c.t * p.tiles_co;
    require(tiles < int64_t{1} << 30, "hopper_conv: ", tiles, " tiles");
    p.tiles = static_cast<int>(tiles);
}

// What a convolution reads and writes.
struct Operands {
    std::span<const ConvFrames> x;
    const void *weight, *bias;
    const ConvResidual& residual;
    void* y;
};

template <class T>
void launch(const State& s, const HopperConv& c, const Operands& o) {
    const auto narrow = [](int64_t n) { return static_cast<int>(n); };
    const auto numbers = [](const void* data) { return static_cast<const __nv_bfloat16*>(data); };
    const ConvResidual& r = o.residual;
    ConvLaunch p{.t = narrow(c.t),
                 .h = narrow(c.h),
                 .w = narrow(c.w),
                 .co = narrow(c.co),
                 .ci = narrow(c.ci),
                 .kt = narrow(c.kt),
                 .kh = narrow(c.kh),
                 .kw = narrow(c.kw),
                 .chunks = narrow(ceil_div(c.ci, T::kChunk)),
                 .first_t = narrow(c.first_t),
                 .first_h = narrow(c.first_h),
                 .first_w = narrow(c.first_w),
                 .y_frame = c.y_frame,
                 .y_row = c.y_row,
                 .y_column = c.y_column,
                 .bias = static_cast<const float*>(o.bias),
                 .residual = r.data ? numbers(r.data) - r.above_rows * c.y_row : nullptr,
                 .above = numbers(r.above),
                 .residual_frame = r.frame,
                 .above_frame = r.above_frame,
                 .above_rows = narrow(r.above_rows),
                 .y = static_cast<__nv_bfloat16*>(o.y),
                 .least = c.relu ? 0.0f : -INFINITY};
    shape_tiles<T>(c, p);
    const TensorMapEncoder encode = tensor_map_encoder();
    RunMaps runs;
    int64_t frames = 0;
    for (size_t i = 0; i < kMostRuns; ++i) {
        const ConvFrames& run = o.x[std::min(i, o.x.size() - 1)];
        runs.of[i] = tensor_map<4>(encode, run.data, {c.ci, c.in_w, c.in_h, run.count},
                                   {c.x_column, c.x_row, c.x_frame}, {T::kChunk, p.box_w, p.tile_h + p.kh - 1, 1});
        frames += run.count;
        // Behind the last run lie no frames of another.
        if (i + 1 < kMostRuns) p.run_ends[i] = i + 1 < o.x.size() ? narrow(frames) : INT_MAX;
    }
    // A row holds one channel's weights, tap after tap. Where a chunk reaches into the next tap's, x has no channels
    // and reads as zero. Row 8j + 2i + k of 32 in the box is channel 8i + 2j + k, so that what a thread holds (see
    // hopper::multiply) are the channels 8i .. 8i + 7, with j and k running.
    const int64_t row = c.kt * c.kh * c.kw * c.ci;
    const CUtensorMap of_weight =
        kWords<T::kColumns> == 4
            ? tensor_map<5>(encode, o.weight, {row, 2, 4, 4, c.co / 32}, {row, 8 * row, 2 * row, 32 * row},
                            {T::kChunk, 2, 4, 4, T::kColumns / 32})
            : tensor_map<5>(encode, o.weight, {row, c.co, 1, 1, 1}, {row, row, row, row},
                            {T::kChunk, T::kColumns, 1, 1, 1});
    check(cudaFuncSetAttribute(convolve<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes));
    convolve<T><<<std::min(p.tiles, s.traits.multiprocessors), kThreads, kSharedBytes, s.stream>>>(runs, of_weight, p);
    check_launch();
}

// Weight stages: as many as leave room for two boxes.
template <int kChunk>
void launch_by_channels(const State& s, const HopperConv& c, const Operands& o) {
    constexpr bool kDeep = kChunk == 64;
    const auto with = [&]<class T>() { launch<T>(s, c, o); };
    if (c.co % 32 != 0) return with.template operator()<Tile<16, 4, kChunk, 8>>();
    if (c.co % 192 == 0) return with.template operator()<Tile<192, 2, kChunk, kDeep ? 5 : 8>>();
    // Of 64 columns a product reads as many bytes of both operands as shared memory gives in the time that it takes.
    if (c.co <= 64) return with.template operator()<Tile<64, 4, kChunk, 8>>();
    if (c.co % 96 == 0) return with.template operator()<Tile<96, 4, kChunk, kDeep ? 5 : 8>>();
    with.template operator()<Tile<128, 3, kChunk, kDeep ? 6 : 8>>();
}

}  // namespace

bool hopper_conv_supports(const DeviceTraits& device, const HopperConv& c) {
    const auto by_eights = [](std::initializer_list<int64_t> all) {
        return std::ranges::all_of(all, [](int64_t n) { return n > 0 && n % 8 == 0; });
    };
    return device.sm_90a_code &&
           by_eights({c.ci, c.co, c.x_frame, c.x_row, c.x_column, c.y_frame, c.y_row, c.y_column}) && c.kh <= 3 &&
           c.kw <= 3 && c.in_t > 0 && c.in_h > 0 && c.in_w > 0;
}

void hopper_conv(Context& ctx, const HopperConv& c, std::span<const ConvFrames> x, const void* weight, const void* bias,
                 const ConvResidual& residual, void* y) {
    require(hopper_conv_supports(ctx.traits(), c), "hopper_conv: ", c.ci, " to ", c.co, " channels, ", c.kh, " by ",
            c.kw, " taps, or this card");
    int64_t frames = 0;
    for (const ConvFrames& run : x) frames += run.count;
    require(!x.empty() && x.size() <= kMostRuns && frames == c.in_t, "hopper_conv: ", x.size(), " runs of ", frames,
            " frames, expected ", c.in_t);
    if (c.t <= 0 || c.h <= 0 || c.w <= 0) return;
    const auto launch_fitting = c.ci % 64 == 0 ? launch_by_channels<64> : launch_by_channels<32>;
    launch_fitting(state(ctx), c, {x, weight, bias, residual, y});
}

}  // namespace t3video::cuda
