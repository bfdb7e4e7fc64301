// Softmax of the rows of a score matrix and its gradient, at once.
#pragma once

#include "cuda/state.h"

namespace t3video::cuda {

// scores and dp: [rows, stride] f32, of which the first `keys` of each row count; stride is a multiple of four. With
// the last key's score raised by log(last_key_count):
//     p = softmax(scores),  ds = p * (dp - sum over keys of p * dp),
// written with the same stride, and zeros behind the keys. In f32 p may be `scores` and ds `dp`.
struct SoftmaxBackward {
    int64_t rows, keys, stride;
    int64_t last_key_count = 1;
};

void softmax_backward(State& s, const SoftmaxBackward& problem, const float* scores, const float* dp, void* p, void* ds,
                      DType dtype);

}  // namespace t3video::cuda
