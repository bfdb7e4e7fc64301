// The 8-bit "dynamic" data type of "8-bit Optimizers via Block-wise Quantization" (Dettmers et al.), for values of
// magnitude up to 1: a sign, a number of leading zeros E, a one that ends them, and a fraction in the bits that are
// left. The fraction divides [0.1, 1] evenly and a code stands for the middle of its part, times 10^-E. Relative errors
// are alike over several powers of ten. Without a sign its bit is one more of the fraction. Two codes are 0 and 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace t3video {

// value[c] is what code c stands for, ascending. Numbers above `above[c]`, the middle between it and the value before,
// are nearer to it than to smaller values; without a sign only 0 itself is nearest to 0.
struct DynamicCode {
    std::array<float, 256> value = {}, above = {};
};

constexpr DynamicCode dynamic_code(bool is_signed) {
    constexpr int kMostZeros = 6;
    constexpr double kPower[kMostZeros + 1] = {1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
    DynamicCode code;
    const int zero = is_signed ? 127 : 0;  // its code; codes on both sides of it differ in sign
    int at = zero + 1;
    for (int zeros = kMostZeros; zeros >= 0; --zeros) {
        const int parts = 1 << (kMostZeros - zeros + (is_signed ? 0 : 1));
        for (int k = 0; k < parts; ++k, ++at) {
            const auto magnitude = static_cast<float>(kPower[zeros] * (0.1 + 0.9 * (k + 0.5) / parts));
            code.value[static_cast<std::size_t>(at)] = magnitude;
            if (is_signed) code.value[static_cast<std::size_t>(2 * zero - at)] = -magnitude;
        }
    }
    code.value[255] = 1.0f;
    if (is_signed) code.value[0] = -1.0f;  // the largest of a block keeps its size, whatever its sign
    code.above[0] = -std::numeric_limits<float>::infinity();
    for (std::size_t c = 1; c < 256; ++c)
        code.above[c] = static_cast<float>((double{code.value[c - 1]} + double{code.value[c]}) / 2);
    // What has no sign is divided by: a small one must not become 0.
    if (!is_signed) code.above[1] = 0.0f;
    return code;
}

inline constexpr DynamicCode kSignedCode = dynamic_code(true), kUnsignedCode = dynamic_code(false);

// The code of the value nearest to x, of two alike the smaller; `above` as in DynamicCode, or what is indexed like it.
// A block of a tensor stores code(x / scale), scale its largest magnitude; a block of zeros, scale 0, that of 0.
template <class Bounds>
constexpr uint8_t nearest_code(const Bounds& above, float x) {
    int code = 0;
    for (int step = 128; step > 0; step /= 2) {
        if (above[static_cast<std::size_t>(code + step)] < x) code += step;
    }
    return static_cast<uint8_t>(code);
}

}  // namespace t3video
