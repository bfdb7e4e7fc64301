// The 8-bit and 16-bit code value of a decoded sample.
#pragma once

#include <cstdint>

namespace t3video {

// clip((v + 1) * 127.5, 0, 255), rounded to the nearest integer, halves up; NaN gives 0. Rounding halves the error of
// truncation and does not darken the picture by half a code value on average; programs that truncate differ from this
// by at most one. In f64 the product is exact, so that every compiler and device, fusing it with the sum or not, finds
// the same one.
constexpr uint8_t quantize_u8(float v) {
    const double code = static_cast<double>(v) * 127.5 + 128.0;  // and the half that truncation then rounds by
    if (!(code > 0.0)) return 0;                                 // also NaN
    return code < 256.0 ? static_cast<uint8_t>(code) : uint8_t{255};
}

// The same in 16 bits: clip((v + 1) * 32767.5, 0, 65535), rounded.
constexpr uint16_t quantize_u16(float v) {
    const double code = static_cast<double>(v) * 32767.5 + 32768.0;
    if (!(code > 0.0)) return 0;
    return code < 65536.0 ? static_cast<uint16_t>(code) : uint16_t{65535};
}

}  // namespace t3video
