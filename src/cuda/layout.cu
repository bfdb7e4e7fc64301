// Moving data: rows, axes, patches. Bound by memory: everything is read once and written once.
#include "cuda/layout.h"

#include "cuda/row_sets.cuh"

namespace t3video::cuda {
namespace {

constexpr int kTile = 32, kTileRows = 8;  // a transposed tile's side; rows of threads that walk over it

// y[i] = table[ids[i]] in f32
template <class T>
__global__ void gather(const T* table, const int64_t* ids, float* y, int64_t rows, int64_t width) {
    for (int64_t row = first_row(); row < rows; row += row_step()) {
        const int64_t column = first_column();
        if (column < width) y[row * width + column] = to_float(table[ids[row] * width + column]);
    }
}

// y: [cols, rows]. A column more than the tile's keeps a warp's reads down a column in different banks.
template <class T>
__global__ void transpose_tiles(const T* x, T* y, int64_t rows, int64_t cols) {
    __shared__ T tile[kTile][kTile + 1];
    const int64_t across = (cols + kTile - 1) / kTile, tiles = (rows + kTile - 1) / kTile * across;
    for (int64_t i = blockIdx.x; i < tiles; i += gridDim.x) {
        const int64_t r0 = i / across * kTile, c0 = i % across * kTile;
        for (int r = threadIdx.y; r < kTile; r += kTileRows) {
            if (r0 + r < rows && c0 + threadIdx.x < cols) {
                tile[r][threadIdx.x] = x[(r0 + r) * cols + c0 + threadIdx.x];
            }
        }
        __syncthreads();
        for (int c = threadIdx.y; c < kTile; c += kTileRows) {
            if (c0 + c < cols && r0 + threadIdx.x < rows) {
                y[(c0 + c) * rows + r0 + threadIdx.x] = tile[threadIdx.x][c];
            }
        }
        __syncthreads();
    }
}

// Rows of `width` units out of rows of `from` units.
template <class Unit>
__global__ void copy_columns(const Unit* x, Unit* y, int64_t rows, int64_t from, int64_t width) {
    const int64_t column = first_column();
    if (column >= width) return;
    for (int64_t row = first_row(); row < rows; row += row_step()) y[row * width + column] = x[row * from + column];
}

// A thread takes one channel of one patch: columns of the launch are the patches of a line of patches, so that reads
// along a line of x are coalesced; its rows are the lines, each for every channel.
template <class Y>
__global__ void patchify_lines(const float* x, Y* y, int64_t channels, int64_t frames, int64_t height, int64_t width) {
    const int64_t across = width / 2, down = height / 2, w = first_column();
    if (w >= across) return;
    for (int64_t row = first_row(); row < frames * down * channels; row += row_step()) {
        const int64_t c = row % channels, line = row / channels, t = line / down, h = line % down;
        const float* corner = x + ((c * frames + t) * height + 2 * h) * width + 2 * w;
        const float values[4] = {corner[0], corner[1], corner[width], corner[width + 1]};
        Pack<Y, 4> patch;
#pragma unroll
        for (int j = 0; j < 4; ++j) patch.value[j] = from_float<Y>(values[j]);
        store(y + ((line * across + w) * channels + c) * 4, patch);
    }
}

// Columns of the launch are the pixels of a line of y, its rows the lines; a thread writes all channels of its pixel,
// whose values stand together in x.
template <class X>
__global__ void unpatchify_lines(const X* x, float* y, int64_t channels, int64_t frames, int64_t height,
                                 int64_t width) {
    const int64_t column = first_column();
    if (column >= width) return;
    for (int64_t line = first_row(); line < frames * height; line += row_step()) {
        const int64_t t = line / height, row = line % height;
        const int64_t token = (t * (height / 2) + row / 2) * (width / 2) + column / 2;
        const X* values = x + (token * 4 + row % 2 * 2 + column % 2) * channels;
        for (int64_t c = 0; c < channels; ++c) {
            y[((c * frames + t) * height + row) * width + column] = to_float(values[c]);
        }
    }
}

// The other way: threads are the pixels of dy's lines.
template <class X>
__global__ void unpatchify_backward_lines(const float* dy, X* dx, int64_t channels, int64_t frames, int64_t height,
                                          int64_t width) {
    const int64_t column = first_column();
    if (column >= width) return;
    for (int64_t line = first_row(); line < frames * height; line += row_step()) {
        const int64_t t = line / height, row = line % height;
        const int64_t token = (t * (height / 2) + row / 2) * (width / 2) + column / 2;
        X* values = dx + (token * 4 + row % 2 * 2 + column % 2) * channels;
        for (int64_t c = 0; c < channels; ++c) {
            values[c] = from_float<X>(dy[((c * frames + t) * height + row) * width + column]);
        }
    }
}

// Row i of y is row i of x, in packs.
template <int N, class X, class Y>
__global__ void take(const X* x, RowSets rows_of_x, Y* y, int64_t rows, int64_t packs) {
    const int64_t column = first_column();
    if (column >= packs) return;
    for (int64_t i = first_row(); i < rows; i += row_step()) {
        const Pack<X, N> v = load<N>(x + (rows_of_x.row(i) * packs + column) * N);
        Pack<Y, N> result;
#pragma unroll
        for (int j = 0; j < N; ++j) result.value[j] = from_float<Y>(to_float(v.value[j]));
        store(y + (i * packs + column) * N, result);
    }
}

template <class T>
void launch_transpose(const State& s, const Tensor& x, Tensor& y) {
    const int64_t rows = x.dim(0), cols = x.dim(1);
    const int64_t tiles = ((rows + kTile - 1) / kTile) * ((cols + kTile - 1) / kTile);
    transpose_tiles<<<blocks_for(s, tiles), dim3(kTile, kTileRows), 0, s.stream>>>(
        reinterpret_cast<const T*>(x.raw()), reinterpret_cast<T*>(y.raw()), rows, cols);
}

template <class T>
void launch_gather(const State& s, const Tensor& table, const Tensor& ids, Tensor& y) {
    const RowLaunch how = over_rows(s, y.dim(0), y.dim(1));
    gather<<<how.grid, how.block, 0, s.stream>>>(in<T>(table), in<int64_t>(ids), out<float>(y), y.dim(0), y.dim(1));
}

}  // namespace

void gather_rows(Context& ctx, const Tensor& table, std::span<const int64_t> ids, Tensor& y) {
    const State& s = state(ctx);
    const Tensor device_ids = from_span(ctx, ids);
    if (table.dtype() == DType::f16) {
        launch_gather<__half>(s, table, device_ids, y);
    } else {
        visit(table.dtype(), [&]<class T>() { launch_gather<T>(s, table, device_ids, y); });
    }
    check_launch();
}

void transpose(Context& ctx, const Tensor& x, Tensor& y) {
    const State& s = state(ctx);
    const size_t size = size_of(x.dtype());
    require(size == 2 || size == 4, "transpose: elements of ", x.dtype());
    if (size == 2) {
        launch_transpose<uint16_t>(s, x, y);
    } else {
        launch_transpose<uint32_t>(s, x, y);
    }
    check_launch();
}

void columns(Context& ctx, const Tensor& x, int64_t begin, Tensor& y) {
    const State& s = state(ctx);
    const size_t size = size_of(x.dtype()), from = static_cast<size_t>(x.dim(1)) * size,
                 width = static_cast<size_t>(y.dim(1)) * size;
    const std::byte* first = x.raw() + static_cast<size_t>(begin) * size;
    visit_unit(common_unit(from, width, first, y.raw()), [&]<class Unit>() {
        const auto units = [](size_t bytes) { return static_cast<int64_t>(bytes / sizeof(Unit)); };
        const RowLaunch how = over_rows(s, y.dim(0), units(width));
        copy_columns<<<how.grid, how.block, 0, s.stream>>>(reinterpret_cast<const Unit*>(first),
                                                           reinterpret_cast<Unit*>(y.raw()), y.dim(0), units(from),
                                                           units(width));
    });
    check_launch();
}

void patchify(Context& ctx, const Tensor& x, Tensor& y) {
    const State& s = state(ctx);
    const int64_t channels = x.dim(0), frames = x.dim(1), height = x.dim(2), width = x.dim(3);
    const RowLaunch how = over_rows(s, frames * (height / 2) * channels, width / 2);
    visit(y.dtype(), [&]<class Y>() {
        patchify_lines<<<how.grid, how.block, 0, s.stream>>>(in<float>(x), out<Y>(y), channels, frames, height, width);
    });
    check_launch();
}

void unpatchify(Context& ctx, const Tensor& x, Tensor& y) {
    const State& s = state(ctx);
    const int64_t channels = y.dim(0), frames = y.dim(1), height = y.dim(2), width = y.dim(3);
    const RowLaunch how = over_rows(s, frames * height, width);
    visit(x.dtype(), [&]<class X>() {
        unpatchify_lines<<<how.grid, how.block, 0, s.stream>>>(in<X>(x), out<float>(y), channels, frames, height,
                                                               width);
    });
    check_launch();
}

void unpatchify_backward(Context& ctx, const Tensor& dy, Tensor& dx) {
    const State& s = state(ctx);
    const int64_t channels = dy.dim(0), frames = dy.dim(1), height = dy.dim(2), width = dy.dim(3);
    const RowLaunch how = over_rows(s, frames * height, width);
    visit(dx.dtype(), [&]<class X>() {
        unpatchify_backward_lines<<<how.grid, how.block, 0, s.stream>>>(in<float>(dy), out<X>(dx), channels, frames,
                                                                        height, width);
    });
    check_launch();
}

void take_rows(Context& ctx, const ops::Rows& x, Tensor& y) {
    const State& s = state(ctx);
    const int64_t rows = y.dim(0), width = y.dim(1);
    const RowSets rows_of_x = row_sets(x);
    visit(x.data.dtype(), [&]<class X>() {
        visit(y.dtype(), [&]<class Y>() {
            const auto launch = [&]<int N>(const RowLaunch& how) {
                take<N><<<how.grid, how.block, 0, s.stream>>>(in<X>(x.data), rows_of_x, out<Y>(y), rows, width / N);
            };
            launch_rows<kPack<X, Y>>(s, rows, width, launch, in<X>(x.data), in<Y>(y));
        });
    });
}

}  // namespace t3video::cuda
