// Matrix products through cuBLASLt, row-major, one or a batch of them.
#pragma once

#include <compare>

#include "cuda/state.h"
#include "tensor/op_types.h"

namespace t3video::cuda {

// c[m, n] = alpha * a b^T (+ c) (+ bias[n], then GELU), a: [m, k], or transposed in memory [k, m]; b: [n, k], or
// without transposition [k, n]. Row lengths in memory and steps between the products of a batch count elements.
struct Gemm {
    int64_t m, n, k;
    DType in, out;  // of a and b, of c: bf16 or f32, never bf16 of f32; sums are f32 (TF32 is off)
    int64_t lda, ldb, ldc;
    bool a_transposed = false;
    bool b_transposed = true;
    int64_t batch = 1, step_a = 0, step_b = 0, step_c = 0;
    bool bias = false;  // of type `out`
    bool gelu = false;
    float alpha = 1.0f;
    bool accumulate = false;  // onto what c holds
};

void gemm(State& s, const Gemm& g, const void* a, const void* b, void* c, const void* bias = nullptr);

}  // namespace t3video::cuda
