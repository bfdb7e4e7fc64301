// A standard normal from a counter: the same number on every device, in any order.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define T3VIDEO_EVERYWHERE __host__ __device__
#else
#define T3VIDEO_EVERYWHERE
#endif

namespace t3video {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
T3VIDEO_EVERYWHERE inline uint64_t mix_bits(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

// Box-Muller on the two halves of the mixed counter.
T3VIDEO_EVERYWHERE inline float hash_normal(uint64_t seed, uint64_t index) {
    const uint64_t bits = mix_bits(mix_bits(seed) ^ index);
    const float u = (static_cast<float>(bits >> 40) + 1.0f) * 0x1p-24f;  // (0, 1]
    const float v = static_cast<float>((bits >> 8) & 0xFFFFFFu) * 0x1p-24f;
    return sqrtf(-2.0f * logf(u)) * cosf(6.2831853f * v);
}

}  // namespace t3video

#undef T3VIDEO_EVERYWHERE
