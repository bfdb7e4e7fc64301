// Rows that lie anywhere, with parameters that come in one or two sets and follow the row's token.
#pragma once

#include "cuda/kernel.cuh"
#include "tensor/op_types.h"

namespace t3video::cuda {

struct RowSets {
    const int64_t *indices = nullptr, *tokens = nullptr;
    int64_t first_token = 0;
    int64_t boundary = 0;  // tokens before it use the set at 0, the others the one `last_set` elements on
    int64_t last_set = 0;

    __device__ int64_t row(int64_t i) const { return indices ? indices[i] : i; }
    __device__ bool is_early(int64_t i) const {
        return last_set > 0 && (tokens ? tokens[i] : first_token + i) < boundary;
    }
    __device__ int64_t set_of(int64_t i) const { return is_early(i) ? 0 : last_set; }
};

// sets: [S, C], or null where all rows share their parameters.
inline RowSets row_sets(const ops::Rows& rows, const Tensor* sets = nullptr, int64_t boundary = 0) {
    const auto list = [](const Tensor& x) { return x.defined() ? in<int64_t>(x) : nullptr; };
    return {list(rows.indices), list(rows.tokens.ids), rows.tokens.first, boundary,
            sets ? (sets->dim(0) - 1) * sets->dim(1) : 0};
}

}  // namespace t3video::cuda
