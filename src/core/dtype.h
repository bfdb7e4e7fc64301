// Element types, their sizes, and the one switch from a run-time type to a C++ type.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>

#include "core/error.h"

namespace t3video {

enum class DType : uint8_t { f32, f16, bf16, f64, i64, i32, i16, i8, u8, boolean, f8_e4m3, f8_e5m2 };

size_t size_of(DType dtype);
std::string_view name_of(DType dtype);  // "f32", "bf16", ...
std::ostream& operator<<(std::ostream& out, DType dtype);

// Storage-only 16-bit floats: arithmetic happens in float.
struct bf16 {
    uint16_t bits = 0;
    bf16() = default;
    explicit bf16(float value);  // rounds to nearest, ties to even
    explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

struct f16 {
    uint16_t bits = 0;
    f16() = default;
    explicit f16(float value);
    explicit operator float() const;
};

inline float round_to_bf16(float value) {
    return static_cast<float>(bf16(value));
}

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
    return DType::f32;
}
template <>
constexpr DType dtype_of<f16>() {
    return DType::f16;
}
template <>
constexpr DType dtype_of<bf16>() {
    return DType::bf16;
}
template <>
constexpr DType dtype_of<double>() {
    return DType::f64;
}
template <>
constexpr DType dtype_of<int64_t>() {
    return DType::i64;
}
template <>
constexpr DType dtype_of<int32_t>() {
    return DType::i32;
}
template <>
constexpr DType dtype_of<int16_t>() {
    return DType::i16;
}
template <>
constexpr DType dtype_of<int8_t>() {
    return DType::i8;
}
template <>
constexpr DType dtype_of<uint8_t>() {
    return DType::u8;
}
template <>
constexpr DType dtype_of<bool>() {
    return DType::boolean;
}

inline bool is_float(DType dtype) {
    return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

// Calls f.template operator()<T>() with T = float, f16 or bf16.
template <class F>
decltype(auto) visit_float(DType dtype, F&& f) {
    switch (dtype) {
        case DType::f32:
            return f.template operator()<float>();
        case DType::f16:
            return f.template operator()<f16>();
        case DType::bf16:
            return f.template operator()<bf16>();
        default:
            throw Error(concat("expected f32, f16 or bf16, found ", name_of(dtype)));
    }
}

}  // namespace t3video
