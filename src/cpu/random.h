// Counter-based normals on the CPU.
#pragma once

#include "tensor/tensor.h"

namespace t3video::cpu {

// y: f32
void random_normal(Context& ctx, uint64_t seed, float mean, float deviation, Tensor& y);

}  // namespace t3video::cpu
