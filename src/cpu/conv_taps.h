// Parts of a convolution's weight, as plain kernels of one frame.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cpu {

// Tap k of weight [co, ci, kt, kh, kw] as f32 [co, ci, kh, kw].
Tensor tap_of(Context& ctx, const Tensor& weight, int64_t k);

// Weight [co, ci, 3, 3] seen by the output pixels of row parity p and column parity q, as f32 [co, ci, 1, 2, 2]. After
// doubling, an even pixel sees neighbour -1 once and itself twice, an odd one itself twice and neighbour +1 once.
Tensor phase_kernel(Context& ctx, const Tensor& weight, int64_t p, int64_t q);

}  // namespace t3video::cpu
