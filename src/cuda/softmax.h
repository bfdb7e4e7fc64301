// Softmax of the rows of a score matrix.
#pragma once

#include "cuda/state.h"

namespace t3video::cuda {

// Where the log-sum-exp (natural, f32) of rows of scores goes: of row i of a head to to[head * head_step + i], or where
// there is an order + order[i].
struct LogSumExp {
    float* to = nullptr;  // null: nowhere
    int64_t head_step = 0;
    const int64_t* order = nullptr;

    // Of the rows from `first` on.
    LogSumExp from(int64_t first) const {
        if (!to) return *this;
        return order ? LogSumExp{to, head_step, order + first} : LogSumExp{to + first, head_step};
    }
    __device__ void store(int64_t head, int64_t row, float value) const {
        to[head * head_step + (order ? order[row] : row)] = value;
    }
};

// scores: [heads, rows, keys] f32. relative: null, or [heads, 2*n - 1] f32 with n = keys = queries in all, whose entry
// (key - query) + n - 1 is added; the rows are queries first_query and on. The last key counts last_key_count times.
// probabilities: [heads, rows, keys] f32 or bf16; may be `scores` if f32.
struct Softmax {
    int64_t heads, rows, keys;
    const float* relative = nullptr;
    int64_t first_query = 0;
    int64_t last_key_count = 1;
    LogSumExp log_sum_exp = {};  // its rows are the queries
};

void softmax(State& s, const Softmax& problem, const float* scores, void* probabilities, DType dtype);

// The same without the division: weights, [heads, rows, keys] bf16 apart from the scores, and their sums, [heads,
// rows]. Scores are read once, where no late one is far above the first thousands.
void softmax_weights(State& s, const Softmax& problem, const float* scores, void* weights, float* sums);
// y = x / sums, for x: [rows, heads * width] f32, sums: [heads, rows], y: bf16, `stride` elements from row to row.
void divide_rows(State& s, const float* x, const float* sums, int64_t heads, int64_t rows, int64_t width, void* y,
                 int64_t stride);

}  // namespace t3video::cuda
