// Rows of windows: gathered in front of a kernel that takes rows one after another, scattered behind it.
#pragma once

#include <span>

#include "cuda/state.h"
#include "tensor/tensor.h"

namespace t3video::cuda {

constexpr size_t kMostGathered = 5;  // tensors at once

// Row i of each of `to`: row order[i] of the one of `from`. All rows have the same length, a multiple of 16 bytes.
void gather_windows(State& s, std::span<const Tensor* const> from, const int64_t* order, std::span<Tensor> to);

// Row order[i] of y: row i of x; with `other`, which may be y, the mean of that and of other's row order[i], which is
// one rounding less than halving both.
void scatter_windows(State& s, const Tensor& x, const int64_t* order, const Tensor* other, Tensor& y);

}  // namespace t3video::cuda
