// Rearranging frames for convolutions. Bound by memory.
#include "cuda/conv_layout.h"

#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

template <class T, int N>
__global__ void copy_padded_rows(const T* from, PaddedCopy p, T* to) {
    using Packed = Pack<T, N>;
    const int64_t total = p.count * p.columns_to * p.channels_to;
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < total; i += int64_t{gridDim.x} * kThreads) {
        const int64_t c = i % p.channels_to, x = i / p.channels_to % p.columns_to - p.left;
        const int64_t y = i / (p.channels_to * p.columns_to) + p.first_row;
        Packed value{};
        if (c < p.channels && x >= 0 && x < p.columns * p.zoom && y >= 0 && y < p.rows * p.zoom) {
            value = reinterpret_cast<const Packed*>(from)[((y / p.zoom) * p.columns + x / p.zoom) * p.channels + c];
        }
        reinterpret_cast<Packed*>(to)[i] = value;
    }
}

// y[row, 0..channels) = x[row, 0..channels) of rows channels_from wide
template <class T>
__global__ void drop_channels(const T* x, int64_t rows, int64_t channels_from, int64_t channels, T* y) {
    for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < rows * channels;
         i += int64_t{gridDim.x} * kThreads) {
        y[i] = x[i / channels * channels_from + i % channels];
    }
}

}  // namespace

void copy_padded(State& s, DType dtype, const std::byte* from, PaddedCopy p, std::byte* to) {
    visit(dtype, [&]<class T>() {
        constexpr int kElements = 16 / sizeof(T);
        const auto launch = [&]<int N>() {
            p.channels /= N;
            p.channels_to /= N;
            copy_padded_rows<T, N>
                <<<blocks_for(s, p.count * p.columns_to * p.channels_to / kThreads), kThreads, 0, s.stream>>>(
                    reinterpret_cast<const T*>(from), p, reinterpret_cast<T*>(to));
        };
        if (p.channels % kElements == 0 && p.channels_to % kElements == 0) {
            launch.template operator()<kElements>();
        } else {
            launch.template operator()<1>();
        }
    });
    check_launch();
}

void copy_without_padding(State& s, const Tensor& result, int64_t co, std::byte* y, size_t frame_bytes) {
    const int64_t frames = result.dim(0), rows = result.dim(1) * result.dim(2), co_padded = result.dim(3);
    const size_t element = size_of(result.dtype());
    if (co == co_padded) {
        const size_t bytes = static_cast<size_t>(rows * co) * element;
        check(cudaMemcpy2DAsync(y, frame_bytes, result.raw(), bytes, bytes, static_cast<size_t>(frames),
                                cudaMemcpyDeviceToDevice, s.stream));
        return;
    }
    visit(result.dtype(), [&]<class T>() {
        for (int64_t f = 0; f < frames; ++f) {
            drop_channels<<<blocks_for(s, rows * co / kThreads), kThreads, 0, s.stream>>>(
                in<T>(result) + f * rows * co_padded, rows, co_padded, co,
                reinterpret_cast<T*>(y + static_cast<size_t>(f) * frame_bytes));
        }
    });
    check_launch();
}

}  // namespace t3video::cuda
