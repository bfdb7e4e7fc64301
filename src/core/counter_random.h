// Random numbers without a state: the value for a seed and a count, in any order. For what must go on where it was
// after a restart, such as the order of data.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace t3video {

// 64 well-mixed bits of a seed and a count (Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number
// Generators": the finaliser of SplitMix64, applied to each of the two).
inline uint64_t random_bits(uint64_t seed, uint64_t count) {
    const auto mix = [](uint64_t z) {
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        return z ^ z >> 31;
    };
    constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;
    return mix(mix(seed + kGolden) + (count + 1) * kGolden);
}

// In [0, 1), a multiple of 2^-53.
inline double random_uniform(uint64_t seed, uint64_t count) {
    return static_cast<double>(random_bits(seed, count) >> 11) * 0x1p-53;
}

// Standard normal (Box and Muller 1958), of two uniform ones.
inline double random_normal(uint64_t seed, uint64_t count) {
    const double radius = std::sqrt(-2 * std::log(1 - random_uniform(seed, 2 * count)));
    return radius * std::cos(2 * std::numbers::pi * random_uniform(seed, 2 * count + 1));
}

}  // namespace t3video
