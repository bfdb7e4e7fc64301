// What sums over the rows of a matrix, and over all elements, take for themselves on the GPU: partial sums that a
// second kernel adds, always in the same order.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tensor/device_traits.h"
#include "tensor/tensor.h"

namespace t3video::cuda {

// Chunks that the rows of a matrix, or of each of several samples in it, are divided into, at most: with 256 columns to
// a block of threads enough blocks to fill the card, and not more, as each writes partial sums.
inline int64_t column_chunks(const DeviceTraits& device, int64_t width, int64_t samples = 1) {
    const int64_t across = std::max<int64_t>((width + 255) / 256, 1) * samples;
    return std::max<int64_t>(int64_t{device.multiprocessors} * 8 / across, 1);
}

// Blocks of the backward of RMS norms, and of sums over the elements of a tensor, at most. Each writes partial sums.
inline int64_t sum_blocks(const DeviceTraits& device) {
    return int64_t{device.multiprocessors} * 4;
}

// Of sums over rows of `width` columns, `values` of them for each column and sample.
inline Scratch column_scratch(const DeviceTraits& device, int64_t width, int64_t values, int64_t samples = 1) {
    return {static_cast<size_t>(column_chunks(device, width, samples) * samples * width * values) * sizeof(float)};
}
// Of the backward of a norm over so many rows: the weights as f32, mean and deviation of each row, and sums of two
// values for each of a sample's two sets, or one for each block.
inline Scratch norm_backward_scratch(const DeviceTraits& device, int64_t rows, int64_t width, int64_t samples = 1) {
    const int64_t partials = width * std::max(4 * samples * column_chunks(device, width, samples), sum_blocks(device));
    return {static_cast<size_t>(width) * sizeof(float), static_cast<size_t>(rows) * 2 * sizeof(float),
            static_cast<size_t>(partials) * sizeof(float)};
}
// Of sums over all elements of each of `tensors`: f64, and the result, of all or of each.
inline Scratch sum_scratch(const DeviceTraits& device, size_t tensors = 1) {
    return {tensors * (static_cast<size_t>(sum_blocks(device)) + 1) * sizeof(double)};
}

}  // namespace t3video::cuda
