// Weights as the convolutions on the GPU read them.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cuda {

// weight: [co, ci, taps...] -> [co, taps, ci], whose channels may be more: zeros.
void arrange_taps(Context& ctx, const Tensor& weight, Tensor& to);
// Of a 3x3 kernel behind doubled pixels, what output pixels of each parity see: [co, ci, 3, 3] -> [parity of row, of
// column, co, 2, 2, ci], bf16.
void arrange_phases(Context& ctx, const Tensor& weight, Tensor& to);
// [co] -> f32, which may be longer: zeros.
void arrange_bias(Context& ctx, const Tensor& bias, Tensor& to);

}  // namespace t3video::cuda
