// Resampling of channels-last videos. Bound by memory: everything is read once and written once. Columns of a launch
// are the channels of a pixel (or of a line of pixels), its rows the pixels (or lines).
#include "cuda/resample.h"

#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

// A pixel of the small frames and a channel of the large ones: its four values stand together in the small frame, and
// in two rows of the large one.
template <class T>
struct Cell {
    T* small;
    T *upper, *lower;

    // small: [lines, width, 4C], large: [2*lines, 2*width, C], i = column * C + channel.
    __device__ Cell(T* small_frames, T* large_frames, int64_t line, int64_t i, int64_t width, int64_t c)
        : small(small_frames + (line * width * c + i) * 4),
          upper(large_frames + 4 * line * width * c + i + i / c * c),
          lower(upper + 2 * width * c) {}
};

template <class T>
__global__ void fold_lines(T* small, T* large, int64_t lines, int64_t width, int64_t channels) {
    const int64_t i = first_column();
    if (i >= width * channels) return;
    for (int64_t line = first_row(); line < lines; line += row_step()) {
        const Cell<T> cell(small, large, line, i, width, channels);
        store(cell.small, Pack<T, 4>{{cell.upper[0], cell.lower[0], cell.upper[channels], cell.lower[channels]}});
    }
}

template <class T>
__global__ void unfold_lines(T* small, T* large, int64_t lines, int64_t width, int64_t channels) {
    const int64_t i = first_column();
    if (i >= width * channels) return;
    for (int64_t line = first_row(); line < lines; line += row_step()) {
        const Cell<T> cell(small, large, line, i, width, channels);
        const Pack<T, 4> values = load<4>(cell.small);
        cell.upper[0] = values.value[0];
        cell.lower[0] = values.value[1];
        cell.upper[channels] = values.value[2];
        cell.lower[channels] = values.value[3];
    }
}

// x: [T, pixels, factor, width] -> y: [T, factor, pixels, width], in units
template <class Unit>
__global__ void swap_pixels_and_groups(const Unit* x, Unit* y, int64_t rows, int64_t pixels, int64_t factor,
                                       int64_t width) {
    const int64_t column = first_column();
    if (column >= width) return;
    for (int64_t row = first_row(); row < rows; row += row_step()) {
        const int64_t pixel = row % pixels, a = row / pixels % factor, t = row / pixels / factor;
        y[row * width + column] = x[((t * pixels + pixel) * factor + a) * width + column];
    }
}

// How frames, rows and columns of a large video gather into cells of a small one.
struct Cells {
    int64_t ft, fs;
    int64_t large_height, large_width;

    __device__ int64_t count() const { return ft * fs * fs; }
};

// y[o] = main[o] + mean of the o-th group of values among the channels (c, i) of the cell, i-th pixel of the cell.
template <class T>
__global__ void add_group_means(const T* main, const T* x, T* y, Cells cells, int64_t missing, int64_t group,
                                int64_t frames, int64_t ci, int64_t co) {
    const int64_t height = cells.large_height / cells.fs, width = cells.large_width / cells.fs;
    const int64_t o = first_column();
    if (o >= co) return;
    for (int64_t pixel = first_row(); pixel < frames * height * width; pixel += row_step()) {
        const int64_t w = pixel % width, h = pixel / width % height, t = pixel / width / height;
        float sum = 0;
        for (int64_t k = o * group; k < (o + 1) * group; ++k) {
            const int64_t c = k / cells.count(), i = k % cells.count();
            const int64_t frame = t * cells.ft + i / (cells.fs * cells.fs) - missing;
            const int64_t row = h * cells.fs + i / cells.fs % cells.fs, column = w * cells.fs + i % cells.fs;
            if (frame < 0) continue;
            sum += to_float(x[((frame * cells.large_height + row) * cells.large_width + column) * ci + c]);
        }
        y[pixel * co + o] = from_float<T>(to_float(main[pixel * co + o]) + sum / static_cast<float>(group));
    }
}

// y[o] = main[o] + x[(o * cells + cell) / repeats], cell the index of main's pixel in its cell. Frame 0 of main, which
// has `rows` rows, is frame0 of the large video, and its row 0 row0.
template <int N, class T>
__global__ void add_repeated(const T* main, const T* x, T* y, Cells cells, int64_t frame0, int64_t row0, int64_t rows,
                             int64_t pixels, int64_t ci, int64_t packs, int repeats) {
    const int64_t column = first_column(), width = cells.large_width, height = cells.large_height, fs = cells.fs,
                  ft = cells.ft;
    if (column >= packs) return;
    for (int64_t pixel = first_row(); pixel < pixels; pixel += row_step()) {
        const int64_t w = pixel % width, h = pixel / width % rows + row0, frame = pixel / width / rows + frame0;
        const T* from = x + ((frame / ft * (height / fs) + h / fs) * (width / fs) + w / fs) * ci;
        const int count = static_cast<int>(cells.count());
        const int cell = static_cast<int>((frame % ft * fs + h % fs) * fs + w % fs);
        const int64_t at = (pixel * packs + column) * N;
        const Pack<T, N> base = load<N>(main + at);
        Pack<T, N> result;
#pragma unroll
        for (int j = 0; j < N; ++j) {
            const int channel = (static_cast<int>(column * N + j) * count + cell) / repeats;
            result.value[j] = from_float<T>(to_float(base.value[j]) + to_float(from[channel]));
        }
        store(y + at, result);
    }
}

template <class T>
T* elements(const Tensor& x) {
    return const_cast<T*>(reinterpret_cast<const T*>(x.raw()));
}

// launch<T>(how) for the pixels of `small`, with T of the elements' size.
template <class F>
void over_cells(const State& s, const Tensor& small, F&& launch) {
    const RowLaunch how = over_rows(s, small.dim(0) * small.dim(1), small.dim(2) * small.dim(3) / 4);
    require(small.dtype() == DType::f32 || small.dtype() == DType::bf16, "pixels of ", small.dtype());
    if (small.dtype() == DType::f32) {
        launch.template operator()<uint32_t>(how);
    } else {
        launch.template operator()<uint16_t>(how);
    }
    check_launch();
}

}  // namespace

void fold_pixels(Context& ctx, const Tensor& x, Tensor& y) {
    const State& s = state(ctx);
    over_cells(s, y, [&]<class T>(const RowLaunch& how) {
        fold_lines<<<how.grid, how.block, 0, s.stream>>>(elements<T>(y), elements<T>(x), y.dim(0) * y.dim(1), y.dim(2),
                                                         x.dim(3));
    });
}

void unfold_pixels(Context& ctx, const Tensor& x, Tensor& y) {
    const State& s = state(ctx);
    over_cells(s, x, [&]<class T>(const RowLaunch& how) {
        unfold_lines<<<how.grid, how.block, 0, s.stream>>>(elements<T>(x), elements<T>(y), x.dim(0) * x.dim(1),
                                                           x.dim(2), y.dim(3));
    });
}

void channels_to_time(Context& ctx, const Tensor& x, Tensor& y) {
    const State& s = state(ctx);
    const size_t bytes = static_cast<size_t>(y.dim(3)) * size_of(y.dtype());
    const int64_t pixels = x.dim(1) * x.dim(2), rows = y.dim(0) * pixels, factor = x.dim(3) / y.dim(3);
    visit_unit(common_unit(bytes, bytes, x.raw(), y.raw()), [&]<class Unit>() {
        const auto width = static_cast<int64_t>(bytes / sizeof(Unit));
        const RowLaunch how = over_rows(s, rows, width);
        swap_pixels_and_groups<<<how.grid, how.block, 0, s.stream>>>(elements<Unit>(x), elements<Unit>(y), rows, pixels,
                                                                     factor, width);
    });
    check_launch();
}

void add_average_down(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs, Tensor& y) {
    const State& s = state(ctx);
    const int64_t co = y.dim(3), ci = x.dim(3);
    const RowLaunch how = over_rows(s, y.numel() / co, co);
    visit(y.dtype(), [&]<class T>() {
        add_group_means<<<how.grid, how.block, 0, s.stream>>>(
            in<T>(main), in<T>(x), out<T>(y), Cells{ft, fs, x.dim(1), x.dim(2)}, y.dim(0) * ft - x.dim(0),
            ci * ft * fs * fs / co, y.dim(0), ci, co);
    });
    check_launch();
}

void add_duplicate_up(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs, int64_t first_row,
                      Tensor& y) {
    const State& s = state(ctx);
    const int64_t co = y.dim(3), ci = x.dim(3), pixels = y.numel() / co, cells = ft * fs * fs;
    require(co * cells < (int64_t{1} << 31), "add_duplicate_up: ", co, " channels of cells of ", cells);
    visit(y.dtype(), [&]<class T>() {
        const auto launch = [&]<int N>() {
            const RowLaunch how = over_rows(s, pixels, co / N);
            add_repeated<N><<<how.grid, how.block, 0, s.stream>>>(
                in<T>(main), in<T>(x), out<T>(y), Cells{ft, fs, x.dim(1) * fs, x.dim(2) * fs}, x.dim(0) * ft - y.dim(0),
                first_row, y.dim(1), pixels, ci, co / N, static_cast<int>(co * cells / ci));
        };
        if (co % kPack<T> == 0 && aligned(in<T>(main), in<T>(y))) {
            launch.template operator()<kPack<T>>();
        } else {
            launch.template operator()<1>();
        }
    });
    check_launch();
}

}  // namespace t3video::cuda
