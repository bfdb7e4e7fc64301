// Uniform numbers from a counter: the same on every machine, in any order.
#pragma once

#include <cstdint>

#include "core/hash_normal.h"

namespace t3video {

// In [0, 1), 53 bits.
inline double hash_uniform(uint64_t seed, uint64_t index) {
    return static_cast<double>(mix_bits(mix_bits(seed) ^ index) >> 11) * 0x1p-53;
}

// In [-1, 1), 24 bits.
inline float hash_symmetric(uint64_t seed, uint64_t index) {
    return static_cast<float>(mix_bits(mix_bits(seed) ^ index) >> 40) * 0x1p-23f - 1.0f;
}

}  // namespace t3video
