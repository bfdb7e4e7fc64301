// Attention as two matrix products with a softmax between them, whose scores and weights stay in registers. Bound by
// the matrix units, of whose 790 TFLOP/s on an H200 (a large matrix product) it reaches 710 in windows of tens of
// thousands of tokens and 630 to 650 in windows of 1344 to 2142. Warpgroups take turns at the matrix units, each with
// the next tile's scores and a tile's weighted values; meanwhile the others compute exponentials. Three of 64 queries
// by 80 keys were a tenth faster than two by 128 to 176. Results may go to other rows. Reading q, k and v from other
// rows too, 256 bytes at a time, was slower than a pass that puts them in order: 420 TFLOP/s with asynchronous copies
// by threads, 220 by the copy engine.
#include "cuda/hopper/attention.h"

#include <algorithm>
#include <type_traits>

#include "cuda/hopper/attention.cuh"
#include "cuda/hopper/instructions.cuh"
#include "cuda/hopper/tensor_map.h"
#include "cuda/state.h"

namespace t3video::cuda {
namespace {

using namespace hopper;

constexpr int kConsumers = 3;  // warpgroups of 64 queries each; a fourth one loads
constexpr int kThreads = (kConsumers + 1) * 128, kQueries = kConsumers * 64;
constexpr int kKeys = 80;  // of a tile; more would not leave the scores of one and the weights of another in registers
constexpr int kFewKeys = 64;  // the last tile of a window is computed with so many where it has no more
constexpr int kStages = 6, kQueryStages = 2;
constexpr int kTileBytes = kKeys * kWidth * 2, kQueryBytes = 64 * kWidth * 2;
constexpr int kSharedBytes = kStages * kTileBytes + kQueryStages * kConsumers * kQueryBytes;
constexpr int kBoxAlignment = 1024;  // the swizzle's period
static_assert(kSharedBytes <= 226 * 1024 && kTileBytes % kBoxAlignment == 0);
static_assert(kFewKeys < kKeys && kFewKeys % 16 == 0);

struct Barriers {
    uint64_t full[kStages], empty[kStages];
    uint64_t query_full[kQueryStages * kConsumers], query_empty[kQueryStages * kConsumers];
};

__device__ inline int key_tiles_of(const QueryTile& at) {
    return (at.tokens + kKeys - 1) / kKeys;
}

template <class Launch>  // AttentionLaunch or LogarithmsLaunch
__global__ __launch_bounds__(kThreads, 1) void attend(const __grid_constant__ CUtensorMap q,
                                                      const __grid_constant__ CUtensorMap k,
                                                      const __grid_constant__ CUtensorMap v,
                                                      const __grid_constant__ Launch p) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    extern __shared__ __align__(kBoxAlignment) unsigned char buffers[];
    __shared__ Barriers barriers;
    if (threadIdx.x == 0) {
        for (int i = 0; i < kStages; ++i) {
            init_barrier(&barriers.full[i], 1);
            init_barrier(&barriers.empty[i], kConsumers * 4);
        }
        for (int i = 0; i < kQueryStages * kConsumers; ++i) {
            init_barrier(&barriers.query_full[i], 1);
            init_barrier(&barriers.query_empty[i], 4);
        }
        fence_barriers();
    }
    __syncthreads();
    const uint32_t tiles = shared_address(buffers), queries = tiles + kStages * kTileBytes;
    const uint32_t full = shared_address(barriers.full), empty = shared_address(barriers.empty);
    const uint32_t query_full = shared_address(barriers.query_full), query_empty = shared_address(barriers.query_empty);
    const int group = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 128, 0);
    const int warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32 % 4, 0), lane = threadIdx.x % 32;

    if (group == 0) {
        fewer_registers<32>();
        Ring ring;
        if (warp == 0) {
#pragma unroll 1
            for (int tile = blockIdx.x; tile < p.tiles; tile += gridDim.x) {
                const QueryTile at = query_tile_of(p, tile, kQueries);
                for (int i = 0; lane == 0 && i < kConsumers; ++i) {
                    const int slot = ring.stage * kConsumers + i;
                    wait(query_empty + slot * 8, ring.parity ^ 1);
                    arrive_expecting(query_full + slot * 8, kQueryBytes);
                    load_box(queries + slot * kQueryBytes, q, query_full + slot * 8, 0, at.start + at.first + i * 64,
                             at.head * 2, 0);
                }
                __syncwarp();
                if (p.average) {  // what the results meet, ahead of time
                    for (int i = at.first + lane; i < min(at.first + kQueries, at.tokens); i += 32) {
                        prefetch(result_of(p, at, i), kWidth * 2);
                    }
                }
                ring.next(kQueryStages);
            }
        } else if (warp == 1 && lane == 0) {
#pragma unroll 1
            for (int tile = blockIdx.x; tile < p.tiles; tile += gridDim.x) {
                const QueryTile at = query_tile_of(p, tile, kQueries);
                const int n = key_tiles_of(at);
                const auto load = [&](const CUtensorMap& from, int i) {
                    wait(empty + ring.stage * 8, ring.parity ^ 1);
                    arrive_expecting(full + ring.stage * 8, kTileBytes);
                    load_box(tiles + ring.stage * kTileBytes, from, full + ring.stage * 8, 0,
                             at.start + key_tile(i, n) * kKeys, at.head * 2, 0);
                    ring.next(kStages);
                };
#pragma unroll 1
                for (int i = 0; i <= n; ++i) {  // in the order of their use
                    if (i < n) load(k, i);
                    if (i > 0) load(v, i - 1);
                }
            }
        }
    } else {
        more_registers<160>();
        const int index = group - 1, turn = 1 + index, next_turn = 1 + (index + 1) % kConsumers;
        float sums[kWidth / 2], scores[kKeys / 2];
        uint32_t weights[kKeys / 16][4];
        RunningSoftmax running;
        Ring ring, query_ring;

        const auto free = [&](uint32_t barrier) {
            if (lane == 0) arrive(barrier);
        };
        // Scores of the window's first N keys in hand, nothing else under way.
        const auto start = [&]<int N>(uint32_t query_tile, int valid) {
            wait(full + ring.stage * 8, ring.parity);
            meet(turn, 256);
            begin_products();
            score<N, 64, kKeys>(scores, query_tile, tiles + ring.stage * kTileBytes);
            commit_products();
            announce(next_turn, 256);
            await_products<0>();
            settle(scores);
            free(empty + ring.stage * 8);
            ring.next(kStages);
            if (valid < N) mask<N>(scores, valid);
            float none[2];
            soften<N, true>(scores, running, p.scale, none);
            round_weights<N>(scores, weights);
        };
        // Scores of the next kKeys keys, and the N weighted values before them meanwhile.
        const auto advance = [&]<int N>(uint32_t query_tile) {
            wait(full + ring.stage * 8, ring.parity);
            const uint32_t frees_keys = empty + ring.stage * 8;
            meet(turn, 256);
            begin_products();
            score<kKeys, 64, kKeys>(scores, query_tile, tiles + ring.stage * kTileBytes);
            commit_products();
            ring.next(kStages);
            wait(full + ring.stage * 8, ring.parity);
            weigh<N, kKeys>(sums, weights, tiles + ring.stage * kTileBytes);
            commit_products();
            announce(next_turn, 256);
            await_products<1>();
            settle(scores);
            free(frees_keys);
            float factors[2];
            const bool changed = soften<kKeys, false>(scores, running, p.scale, factors);
            await_products<0>();
            settle(sums);
            settle(scores);
            free(empty + ring.stage * 8);
            ring.next(kStages);
            round_weights<kKeys>(scores, weights);
            if (changed) {
#pragma unroll
                for (int i = 0; i < kWidth / 2; ++i) sums[i] *= factors[i / 2 % 2];
            }
        };
        const auto finish = [&]<int N>() {
            wait(full + ring.stage * 8, ring.parity);
            begin_products();
            weigh<N, kKeys>(sums, weights, tiles + ring.stage * kTileBytes);
            commit_products();
            await_products<0>();
            settle(sums);
            free(empty + ring.stage * 8);
            ring.next(kStages);
        };

        if (index == kConsumers - 1) announce(next_turn, 256);
#pragma unroll 1
        for (int tile = blockIdx.x; tile < p.tiles; tile += gridDim.x) {
            const QueryTile at = query_tile_of(p, tile, kQueries);
            const int n = key_tiles_of(at), last = at.tokens - (n - 1) * kKeys;
            const int slot = query_ring.stage * kConsumers + index;
            const uint32_t query_tile = queries + slot * kQueryBytes;
            wait(query_full + slot * 8, query_ring.parity);
            if (at.first + index * 64 >= at.tokens) {  // no query here: only lets the others go on
                for (int step = 1; step <= 2 * n; ++step) {
                    wait(full + ring.stage * 8, ring.parity);
                    if (step == 1 || (step % 2 == 0 && step < 2 * n)) {
                        meet(turn, 256);
                        announce(next_turn, 256);
                    }
                    free(empty + ring.stage * 8);
                    ring.next(kStages);
                }
            } else {
#pragma unroll
                for (int i = 0; i < kWidth / 2; ++i) sums[i] = 0;
                const auto by_last = [&](auto&& with) {
                    if (last <= kFewKeys) return with.template operator()<kFewKeys>();
                    with.template operator()<kKeys>();
                };
                by_last([&]<int N>() { start.template operator()<N>(query_tile, last); });
                if (n > 1) {
                    by_last([&]<int N>() { advance.template operator()<N>(query_tile); });
#pragma unroll 1
                    for (int i = 2; i < n; ++i) advance.template operator()<kKeys>(query_tile);
                    finish.template operator()<kKeys>();
                } else {
                    by_last([&]<int N>() { finish.template operator()<N>(); });
                }
                // Through the queries' tile: a warp's rows become its results.
                meet(4 + index, 128);
                const int row = warp * 16 + lane / 4;
                float shares[2];
#pragma unroll
                for (int r = 0; r < 2; ++r) {
                    float sum = running.sum[r];
                    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
                    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
                    shares[r] = 1 / sum;
                    if constexpr (std::is_same_v<Launch, LogarithmsLaunch>) {
                        const int token = at.first + index * 64 + row + r * 8;
                        if (lane % 4 == 0) store_log_sum_exp(p, at, token, running.top[r], sum);
                    }
                }
#pragma unroll
                for (int j = 0; j < kWidth / 8; ++j) {
#pragma unroll
                    for (int r = 0; r < 2; ++r) {
                        const uint32_t both =
                            pack(sums[j * 4 + r * 2] * shares[r], sums[j * 4 + r * 2 + 1] * shares[r]);
                        store_4(address_in_tile(query_tile, 64, row + r * 8, j) + lane % 4 * 4, both);
                    }
                }
                __syncwarp();
                store_rows(p, at, at.first + index * 64 + warp * 16, query_tile, warp * 16);
                fence_proxies();
                __syncwarp();
            }
            free(query_empty + slot * 8);
            query_ring.next(kQueryStages);
        }
        if (index == 0) meet(turn, 256);  // the turn that is left
    }
#endif
}

// --- host -----------------------------------------------------------------------------------------------------------

// Boxes of `rows` of `count` rows of a head, as two halves; behind the last row they hold zeros.
CUtensorMap map_of_heads(TensorMapEncoder encode, const void* data, int64_t count, int64_t heads, int rows) {
    const int64_t halves = 2 * heads, width = heads * kWidth;
    return tensor_map<4>(encode, data, {64, count, halves, 1}, {width, 64, width}, {64, rows, 2, 1});
}

}  // namespace

void hopper_attention(Context& ctx, const HopperAttention& a, const void* q, const void* k, const void* v, void* y) {
    require(a.heads > 0 && a.scale > 0 && ctx.traits().sm_90a_code, "hopper_attention: ", a.heads, " heads, scale ",
            a.scale, ", or this card");
    require(a.runs.size() <= kMostRuns, "hopper_attention: ", a.runs.size(), " runs");
    AttentionLaunch p{.y = static_cast<__nv_bfloat16*>(y),
                      .order = a.order,
                      .row_width = a.heads * kWidth,
                      .heads = static_cast<int>(a.heads),
                      .scale = a.scale * 1.44269504f,
                      .average = a.average};
    int64_t rows = 0, tiles = 0;
    for (size_t i = 0; i < kMostRuns; ++i) {
        const WindowRun run = i < a.runs.size() ? a.runs[i] : WindowRun{0, 1};
        const int64_t tiles_per_head = (run.tokens + kQueries - 1) / kQueries;
        p.runs[i] = {static_cast<int>(run.tokens), static_cast<int>(rows), static_cast<int>(tiles),
                     static_cast<int>(tiles_per_head)};
        rows += run.windows * run.tokens;
        tiles += run.windows * a.heads * tiles_per_head;
        constexpr int64_t kMost = int64_t{1} << 30;  // leaves room for the steps that counters take
        require(tiles < kMost && rows < kMost, "hopper_attention: ", tiles, " tiles of ", rows, " rows");
    }
    if (rows <= 0) return;
    p.tiles = static_cast<int>(tiles);
    const TensorMapEncoder encode = tensor_map_encoder();
    const CUtensorMap of_q = map_of_heads(encode, q, rows, a.heads, 64),
                      of_k = map_of_heads(encode, k, rows, a.heads, kKeys),
                      of_v = map_of_heads(encode, v, rows, a.heads, kKeys);
    const auto launch = [&]<class Launch>(const Launch& with) {
        check(cudaFuncSetAttribute(attend<Launch>, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes));
        const State& s = state(ctx);
        attend<<<std::min(p.tiles, s.traits.multiprocessors), kThreads, kSharedBytes, s.stream>>>(of_q, of_k, of_v,
                                                                                                  with);
        check_launch();
    };
    if (!a.log_sum_exp) return launch(p);
    launch(LogarithmsLaunch{p, a.log_sum_exp, a.log_step});
}

}  // namespace t3video::cuda
