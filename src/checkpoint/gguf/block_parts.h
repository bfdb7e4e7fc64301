// How the numbers within a quantised block are read. Blocks are not aligned.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/dtype.h"

namespace t3video::checkpoint {

inline float half_at(const std::byte* p) {
    f16 value;
    std::memcpy(&value.bits, p, sizeof(value.bits));
    return static_cast<float>(value);
}

inline const uint8_t* bytes_at(const std::byte* p) {
    return reinterpret_cast<const uint8_t*>(p);
}

// What the numbers of four bits of IQ4_NL and IQ4_XS stand for: denser around zero, where most weights are.
constexpr std::array<float, 16> kUnevenSteps = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                1,    13,   25,  38,  53,  69,  89,  113};


// 32 of them in 16 bytes, the low halves before the high ones, times `scale`.
inline void read_uneven(float scale, const uint8_t* q, float* values) {
    for (size_t i = 0; i < 16; ++i) {
        values[i] = scale * kUnevenSteps[q[i] & 15];
        values[16 + i] = scale * kUnevenSteps[q[i] >> 4];
    }
}

}  // namespace t3video::checkpoint
