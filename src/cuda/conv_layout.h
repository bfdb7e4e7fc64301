// Frames as the convolutions on the GPU read them.
#pragma once

#include "cuda/state.h"
#include "tensor/tensor.h"

namespace t3video::cuda {

// to[y, x, c] = from[y + first_row, (x - left) / zoom, c], zero outside; rows first_row .. of an image of `rows` rows
// after zooming by `zoom` in both directions. to: [count, columns_to, channels_to].
struct PaddedCopy {
    int64_t rows, columns, channels;        // of the source, before zooming
    int64_t first_row, count;               // rows of the result, counted in the zoomed source
    int64_t left, columns_to, channels_to;  // columns and channels of the result
    int zoom;
};

// Copies a frame of a type as PaddedCopy says.
void copy_padded(State& s, DType dtype, const std::byte* from, PaddedCopy p, std::byte* to);

// Writes y [f, rows, columns, co], whose frames lie frame_bytes apart, from a packed result of co_padded channels.
void copy_without_padding(State& s, const Tensor& result, int64_t co, std::byte* y, size_t frame_bytes);

}  // namespace t3video::cuda
