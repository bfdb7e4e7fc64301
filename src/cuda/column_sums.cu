// Sums of partial sums, and the sum of a matrix's rows, which is bound by memory: the matrix is read once.
#include "cuda/column_sums.cuh"

#include "cuda/linear.h"

namespace t3video::cuda {
namespace {

constexpr int kColumns = 32, kParts = 8;  // of a block; parts of the chunks, so that many reads are under way
constexpr int kTotalThreads = 1024;

__global__ void add_chunks(const float* partials, int64_t chunks, int64_t stride, int64_t columns, float* gradient) {
    __shared__ float parts[kParts][kColumns];
    const int64_t column = int64_t{blockIdx.x} * kColumns + threadIdx.x;
    float sum = 0;
    if (column < columns) {
#pragma unroll 8
        for (int64_t k = threadIdx.y; k < chunks; k += kParts) sum += partials[k * stride + column];
    }
    parts[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || column >= columns) return;
    for (int y = 1; y < kParts; ++y) sum += parts[y][threadIdx.x];
    gradient[column] += sum;
}

// A block adds up `count` of them.
__global__ void __launch_bounds__(kTotalThreads) add_all(double* partials, int64_t count) {
    const double* from = partials + blockIdx.x * count;
    double sum = 0;
#pragma unroll 8
    for (int64_t i = threadIdx.x; i < count; i += kTotalThreads) sum += from[i];
    sum = block_sum<kTotalThreads>(sum);
    if (threadIdx.x == 0) partials[gridDim.x * count + blockIdx.x] = sum;
}

template <class Y>
struct Itself {
    static constexpr int kValues = 1;
    const Y* dy;
    int64_t width;

    template <int N>
    __device__ Pack<Y, N> load(int64_t i, int64_t column) const {
        return load_once<N>(dy + i * width + column);
    }
    template <int N>
    __device__ void use(const Pack<Y, N>& row, int64_t, int64_t, int64_t, float (&values)[1][N]) const {
#pragma unroll
        for (int j = 0; j < N; ++j) values[0][j] = to_float(row.value[j]);
    }
};

}  // namespace

void add_partials(const State& s, const float* partials, int64_t chunks, int64_t stride, int64_t columns,
                  float* gradient) {
    const auto blocks = static_cast<unsigned>((columns + kColumns - 1) / kColumns);
    add_chunks<<<blocks, dim3(kColumns, kParts), 0, s.stream>>>(partials, chunks, stride, columns, gradient);
    check_launch();
}

double sum_of_partials(Context& ctx, Tensor& partials) {
    return sums_of_partials(ctx, partials, 1).front();
}

std::vector<double> sums_of_partials(Context& ctx, Tensor& partials, int64_t sums) {
    const int64_t count = partials.numel() / sums - 1, end = partials.numel();
    add_all<<<static_cast<unsigned>(sums), kTotalThreads, 0, state(ctx).stream>>>(out<double>(partials), count);
    check_launch();
    const Tensor host = to_host(ctx, partials.slice(end - sums, end));
    return {host.span<double>().begin(), host.span<double>().end()};
}

void add_column_sums(Context& ctx, const Tensor& dy, Tensor& db) {
    const int64_t width = dy.dim(-1), rows = dy.numel() / width;
    visit(dy.dtype(), [&]<class Y>() {
        const Itself<Y> terms{in<Y>(dy), width};
        add_column_sums<kPack<Y>>(ctx, terms, {}, rows, width, aligned(terms.dy), {out<float>(db)});
    });
}

}  // namespace t3video::cuda
