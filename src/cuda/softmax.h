// Softmax of the rows of a score matrix.
#pragma once

#include "cuda/state.h"

namespace t3video::cuda {

// scores: [heads, rows, keys] f32. relative: null, or [heads, 2*n - 1] f32 with n = keys = queries in all, whose entry
// (key - query) + n - 1 is added; the rows are queries first_query and on. The last key counts last_key_count times.
// probabilities: [heads, rows, keys] f32 or bf16; may be `scores` if f32.
struct Softmax {
    int64_t heads, rows, keys;
    const float* relative = nullptr;
    int64_t first_query = 0;
    int64_t last_key_count = 1;
};

void softmax(State& s, const Softmax& problem, const float* scores, void* probabilities, DType dtype);

}  // namespace t3video::cuda
