// Means of magnitudes: how large a tensor is, and how far two of them are apart.
#pragma once

#include "tensor/tensor.h"

namespace t3video::ops {

// The mean of |x| over all elements of an f32 tensor, summed in f64; the same bits every time, whatever the threads.
// Not finite where an element is not; 0 where nothing is computed.
double mean_abs(Context& ctx, const Tensor& x);
// The mean of |x - y|, of one shape, f32; differences are rounded to f32.
double mean_abs_difference(Context& ctx, const Tensor& x, const Tensor& y);

}  // namespace t3video::ops
