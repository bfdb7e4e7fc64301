// Sums of magnitudes: see ops/mean_abs.h.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cuda {

// The sum of |x - y|; y null: of |x|.
double sum_abs(Context& ctx, const Tensor& x, const Tensor* y);

}  // namespace t3video::cuda
