// Rows that kernels read in an order of their own, with parameters that come in one or two sets.
#pragma once

#include "cuda/kernel.cuh"

namespace t3video::cuda {

struct RowSets {
    const int64_t* order = nullptr;  // row i of the other operand belongs to row order[i], or to row i
    int64_t boundary = 0;            // rows before it use the set at 0, the others the one `last_set` elements on
    int64_t last_set = 0;

    __device__ int64_t row(int64_t i) const { return order ? order[i] : i; }
    __device__ int64_t set_of(int64_t row) const { return row < boundary ? 0 : last_set; }
};

// sets: [S, C], or null where all rows share their parameters.
inline RowSets row_sets(const Tensor* sets, int64_t boundary, const Tensor* order) {
    return {order ? in<int64_t>(*order) : nullptr, boundary, sets ? (sets->dim(0) - 1) * sets->dim(1) : 0};
}

}  // namespace t3video::cuda
