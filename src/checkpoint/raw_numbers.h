// Floats that cannot be used in place: in 64 bits, which some programs keep by accident, or at odd addresses of a file.
// They stay where they are and become f32 when they are used.
#pragma once

#include <memory>
#include <span>

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

// A weight over `bytes`, which `owner` keeps alive: f32, f16, bf16 or f64 in row-major order, not aligned.
Stored raw_numbers(DType dtype, const Shape& shape, std::span<const std::byte> bytes,
                   std::shared_ptr<const void> owner);

}  // namespace t3video::checkpoint
