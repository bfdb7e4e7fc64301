// Counter-based normals on the GPU.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cuda {

// y: f32 or bf16
void random_normal(Context& ctx, uint64_t seed, float mean, float deviation, Tensor& y);

}  // namespace t3video::cuda
