// Sums over the rows of a matrix, column by column, as the gradients of parameters need them. Bound by memory: operands
// are read once. Threads walk down the rows of their columns; the sums of a chunk of rows go into scratch, where a
// second kernel adds those of all chunks. The order is always the same, and with it every bit.
#pragma once

#include <array>
#include <vector>

#include "cuda/column_sums.h"
#include "cuda/row_sets.cuh"

namespace t3video::cuda {

constexpr int kColumnThreads = 256;

// gradient[c] += the sum over chunks of partials[chunk * stride + c].
void add_partials(const State& s, const float* partials, int64_t chunks, int64_t stride, int64_t columns,
                  float* gradient);

// The sum of all but the last element of `partials`, f64, once all work before it is done. The last takes the sum.
double sum_of_partials(Context& ctx, Tensor& partials);
// The same of several sums: `partials` holds as many of each, one behind another, and behind all of them the sums.
std::vector<double> sums_of_partials(Context& ctx, Tensor& partials, int64_t sums);

// Terms say what is added up of row i, kValues for each element: load<N>(i, column) reads N neighbours,
// use(loaded, i, column, set, values) turns them into the terms, with parameters that begin at element `set`. What a
// thread loads for several rows is under way together before anything is used or written. A block is of the sample
// blockIdx.z; rows of a chunk lie gridDim.y * blockDim.y apart.
template <int N, bool kTwoSets, class Terms>
__global__ void __launch_bounds__(kColumnThreads, 2)
    sum_chunks(__grid_constant__ const Terms terms, RowSets sets, int64_t all_rows, int64_t width, float* partials) {
    constexpr int kBatch = 4, kSets = kTwoSets ? 2 : 1, kValues = Terms::kValues;
    const int64_t column = first_column() * N, step = row_step(), start = int64_t{blockIdx.z} * sets.period,
                  first_set = blockIdx.z * sets.sample_set;
    const auto [begin, rows] = sets.rows_of(blockIdx.z, all_rows);
    float sums[kValues][kSets][N] = {};
    for (int64_t first = begin + first_row(); first < rows && column < width; first += kBatch * step) {
        decltype(terms.template load<N>(first, column)) loaded[kBatch];
        bool early[kBatch];
#pragma unroll
        for (int b = 0; b < kBatch; ++b) {
            const int64_t i = min(first + b * step, rows - 1);
            loaded[b] = terms.template load<N>(i, column);
            early[b] = sets.is_early(i, start);
        }
#pragma unroll
        for (int b = 0; b < kBatch; ++b) {
            if (first + b * step >= rows) continue;
            float values[kValues][N];
            terms.use(loaded[b], first + b * step, column, first_set + (early[b] ? 0 : sets.last_set), values);
#pragma unroll
            for (int v = 0; v < kValues; ++v) {
#pragma unroll
                for (int j = 0; j < N; ++j) {
                    // Selected rather than branched over, so that loads need not wait for a branch.
                    if constexpr (kTwoSets) {
                        sums[v][0][j] += early[b] ? values[v][j] : 0.0f;
                        sums[v][1][j] += early[b] ? 0.0f : values[v][j];
                    } else {
                        sums[v][0][j] += values[v][j];
                    }
                }
            }
        }
    }
    if (!partials) return;
    __shared__ float shared[kColumnThreads * N];
    const int thread = threadIdx.y * blockDim.x + threadIdx.x, span = blockDim.x * N;
#pragma unroll
    for (int k = 0; k < kValues * kSets; ++k) {
        __syncthreads();
#pragma unroll
        for (int j = 0; j < N; ++j) shared[thread * N + j] = sums[k / kSets][k % kSets][j];
        __syncthreads();
        for (int c = thread; c < span; c += kColumnThreads) {
            float sum = 0;
            for (int y = 0; y < blockDim.y; ++y) sum += shared[y * span + c];
            const int64_t to = int64_t{blockIdx.x} * span + c;
            const int64_t set = (int64_t{blockIdx.y} * kValues + k / kSets) * gridDim.z + blockIdx.z;
            if (to < width) partials[(set * kSets + k % kSets) * width + to] = sum;
        }
    }
}

template <int N, class Terms>
void launch_column_sums(Context& ctx, const Terms& terms, const RowSets& sets, int64_t rows, int64_t width,
                        const std::array<float*, Terms::kValues>& gradients) {
    const State& s = state(ctx);
    const int64_t packs = width / N, samples = sets.samples, each = sets.last_set > 0 ? 2 : 1, count = samples * each,
                  stride = count * width * Terms::kValues,
                  rows_of_one = samples > 1 ? std::min<int64_t>(rows, sets.period) : rows;
    int64_t wide = 1;  // threads along a row: reads of a warp join, and narrow rows share one
    while (wide < std::min<int64_t>(packs, 32)) wide *= 2;
    const int64_t tall = kColumnThreads / wide,
                  chunks = std::min(column_chunks(s.traits, width, samples), (rows_of_one + tall - 1) / tall);
    const dim3 grid(static_cast<unsigned>((packs + wide - 1) / wide), static_cast<unsigned>(chunks), sets.samples),
        block(static_cast<unsigned>(wide), static_cast<unsigned>(tall));
    const bool asked = std::ranges::any_of(gradients, [](const float* gradient) { return gradient != nullptr; });
    Tensor scratch;
    if (asked) scratch = empty(ctx, {chunks, stride});
    float* partials = asked ? out<float>(scratch) : nullptr;
    if (each == 2) {
        sum_chunks<N, true><<<grid, block, 0, s.stream>>>(terms, sets, rows, width, partials);
    } else {
        sum_chunks<N, false><<<grid, block, 0, s.stream>>>(terms, sets, rows, width, partials);
    }
    check_launch();
    for (size_t v = 0; v < gradients.size(); ++v) {
        if (!gradients[v]) continue;
        add_partials(s, partials + static_cast<int64_t>(v) * count * width, chunks, stride, count * width,
                     gradients[v]);
    }
}

// gradients[v], [S, width], += the sums of value v over the rows of each set. Terms use all rows even where no gradient
// is asked for. `vectors`: 16-byte accesses of packs of N stay inside a row and are aligned.
template <int N, class Terms>
void add_column_sums(Context& ctx, const Terms& terms, const RowSets& sets, int64_t rows, int64_t width, bool vectors,
                     const std::array<float*, Terms::kValues>& gradients) {
    if (rows == 0) return;
    if (vectors && width % N == 0) {
        launch_column_sums<N>(ctx, terms, sets, rows, width, gradients);
    } else {
        launch_column_sums<1>(ctx, terms, sets, rows, width, gradients);
    }
}

}  // namespace t3video::cuda
