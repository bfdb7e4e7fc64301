// Random numbers where the device needs them, for models without files. Not for noise: that is PyTorch's
// (core/random.h).
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace t3video::ops {

// mean + deviation * normal, f32 or bf16; a value depends on the seed and its index only.
Tensor random_normal(Context& ctx, Shape shape, DType dtype, uint64_t seed, float mean, float deviation);

}  // namespace t3video::ops
