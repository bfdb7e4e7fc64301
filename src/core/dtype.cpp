// Names and sizes of element types; 16-bit float conversions.
#include "core/dtype.h"

#include <cmath>
#include <ostream>

namespace t3video {

size_t size_of(DType dtype) {
    switch (dtype) {
        case DType::f64:
        case DType::i64:
            return 8;
        case DType::f32:
        case DType::i32:
            return 4;
        case DType::f16:
        case DType::bf16:
        case DType::i16:
            return 2;
        case DType::i8:
        case DType::u8:
        case DType::boolean:
        case DType::f8_e4m3:
        case DType::f8_e5m2:
            return 1;
    }
    throw Error(concat("size_of: elements of ", name_of(dtype), " have no size of their own"));
}

std::string_view name_of(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return "f32";
        case DType::f16:
            return "f16";
        case DType::bf16:
            return "bf16";
        case DType::f64:
            return "f64";
        case DType::i64:
            return "i64";
        case DType::i32:
            return "i32";
        case DType::i16:
            return "i16";
        case DType::i8:
            return "i8";
        case DType::u8:
            return "u8";
        case DType::boolean:
            return "bool";
        case DType::f8_e4m3:
            return "f8_e4m3";
        case DType::f8_e5m2:
            return "f8_e5m2";
    }
    return "unknown";
}

std::ostream& operator<<(std::ostream& out, DType dtype) {
    return out << name_of(dtype);
}

bf16::bf16(float value) {
    const uint32_t u = std::bit_cast<uint32_t>(value);
    if (std::isnan(value)) {
        bits = static_cast<uint16_t>((u >> 16) | 0x40u);  // stay a NaN even if the payload sat in the low half
        return;
    }
    bits = static_cast<uint16_t>((u + 0x7FFFu + ((u >> 16) & 1u)) >> 16);
}

f16::f16(float value) {
    const uint32_t u = std::bit_cast<uint32_t>(value);
    const uint16_t sign = static_cast<uint16_t>((u >> 16) & 0x8000u);
    const float magnitude = std::fabs(value);
    if (std::isnan(value)) {
        bits = static_cast<uint16_t>(sign | 0x7E00u);
    } else if (magnitude >= 65520.0f) {  // halfway from the largest finite half (65504) to the next step: infinity
        bits = static_cast<uint16_t>(sign | 0x7C00u);
    } else if (magnitude < 0x1p-14f) {  // subnormal: a multiple of 2^-24
        bits = static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(magnitude * 0x1p24f)));
    } else {
        const uint32_t m = u & 0x7FFFFFFFu;
        const uint32_t rounded = m + 0xFFFu + ((m >> 13) & 1u);  // keep 10 of 23 mantissa bits, ties to even
        bits = static_cast<uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
    }
}

f16::operator float() const {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
    const uint32_t exponent = (bits >> 10) & 0x1Fu;
    const uint32_t mantissa = bits & 0x3FFu;
    if (exponent == 0) {
        const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    const uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
    return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

}  // namespace t3video
