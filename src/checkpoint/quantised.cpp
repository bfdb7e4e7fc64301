// Decoding of quantised blocks, one after another, into f32.
#include "checkpoint/quantised.h"

#include <array>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace t3video::checkpoint {
namespace {

constexpr int64_t kSmall = 32, kSuper = 256;  // elements of a block of Q8_0, and of the K types

// Numbers within a block are not aligned.
float half_at(const std::byte* p) {
    f16 value;
    std::memcpy(&value.bits, p, sizeof(value.bits));
    return static_cast<float>(value);
}

const uint8_t* bytes_at(const std::byte* p) {
    return reinterpret_cast<const uint8_t*>(p);
}

// f16 scale | i8[32]
void decode_q8_0(const std::byte* block, float* values) {
    const float scale = half_at(block);
    const auto* q = reinterpret_cast<const int8_t*>(block + 2);
    for (int64_t i = 0; i < kSmall; ++i) values[i] = scale * static_cast<float>(q[i]);
}

struct ScaleAndMinimum {
    float scale, minimum;
};

// The eight pairs of Q4_K and Q5_K: f16 d | f16 dmin | 12 bytes of 6-bit numbers, for which the scales are d times and
// the minima dmin times. Numbers 0..3 are the low 6 bits of bytes 0..3 (scales) and 4..7 (minima); of numbers 4..7 the
// low 4 bits are the halves of bytes 8..11, the high 2 those that bytes 0..3 and 4..7 have left.
std::array<ScaleAndMinimum, 8> scales_and_minima(const std::byte* block) {
    const float d = half_at(block), dmin = half_at(block + 2);
    const uint8_t* p = bytes_at(block + 4);
    std::array<ScaleAndMinimum, 8> pairs;
    for (size_t i = 0; i < 4; ++i) {
        pairs[i] = {d * static_cast<float>(p[i] & 63), dmin * static_cast<float>(p[i + 4] & 63)};
        const int scale = (p[i + 8] & 15) | (p[i] >> 6 << 4), minimum = (p[i + 8] >> 4) | (p[i + 4] >> 6 << 4);
        pairs[i + 4] = {d * static_cast<float>(scale), dmin * static_cast<float>(minimum)};
    }
    return pairs;
}

// Pairs | 4 x 32 bytes: the low halves of the n-th are elements 64n..64n+31, the high halves the 32 after them.
void decode_q4_k(const std::byte* block, float* values) {
    const auto pairs = scales_and_minima(block);
    const uint8_t* q = bytes_at(block + 16);
    for (size_t n = 0; n < 4; ++n, q += 32, values += 64) {
        const auto [low_scale, low_minimum] = pairs[2 * n];
        const auto [high_scale, high_minimum] = pairs[2 * n + 1];
        for (int64_t i = 0; i < 32; ++i) values[i] = low_scale * static_cast<float>(q[i] & 15) - low_minimum;
        for (int64_t i = 0; i < 32; ++i) values[32 + i] = high_scale * static_cast<float>(q[i] >> 4) - high_minimum;
    }
}

// Pairs | 32 bytes of fifth bits: bit s of byte i belongs to element 32s + i | the low 4 bits as in Q4_K.
void decode_q5_k(const std::byte* block, float* values) {
    const auto pairs = scales_and_minima(block);
    const uint8_t *fifth = bytes_at(block + 16), *q = bytes_at(block + 48);
    for (size_t n = 0; n < 4; ++n, q += 32, values += 64) {
        const auto [low_scale, low_minimum] = pairs[2 * n];
        const auto [high_scale, high_minimum] = pairs[2 * n + 1];
        for (int64_t i = 0; i < 32; ++i) {
            const int low = (q[i] & 15) | ((fifth[i] >> (2 * n) & 1) << 4);
            const int high = (q[i] >> 4) | ((fifth[i] >> (2 * n + 1) & 1) << 4);
            values[i] = low_scale * static_cast<float>(low) - low_minimum;
            values[32 + i] = high_scale * static_cast<float>(high) - high_minimum;
        }
    }
}

// 128 bytes of low 4 bits | 64 bytes of high 2 bits | i8[16] scales | f16 d. Each half of 128 elements has 64 and 32 of
// the bytes: elements 32s + i (s = 0..3) take their low bits from byte 32(s%2) + i, whose low half serves s < 2, and
// their high bits from bits 2s of byte i. Numbers are offset by 32; 16 of them share a scale.
void decode_q6_k(const std::byte* block, float* values) {
    const float d = half_at(block + 208);
    const uint8_t *low = bytes_at(block), *high = bytes_at(block + 128);
    const auto* scales = reinterpret_cast<const int8_t*>(block + 192);
    const auto value = [](float scale, int four, int two) {
        return scale * static_cast<float>((four | two << 4) - 32);
    };
    for (int half = 0; half < 2; ++half, low += 64, high += 32, scales += 8, values += 128) {
        for (int first = 0; first < 32; first += 16) {
            std::array<float, 4> scale;
            for (size_t s = 0; s < 4; ++s) scale[s] = d * static_cast<float>(scales[2 * s + (first > 0)]);
            for (int i = first; i < first + 16; ++i) {
                values[i] = value(scale[0], low[i] & 15, high[i] & 3);
                values[32 + i] = value(scale[1], low[32 + i] & 15, high[i] >> 2 & 3);
                values[64 + i] = value(scale[2], low[i] >> 4, high[i] >> 4 & 3);
                values[96 + i] = value(scale[3], low[32 + i] >> 4, high[i] >> 6);
            }
        }
    }
}

class Quantised : public Encoding {
  public:
    Quantised(const BlockType& type, std::span<const std::byte> blocks, std::shared_ptr<const void> owner)
        : type_(type), blocks_(blocks), owner_(std::move(owner)) {}

    std::string name() const override { return std::string(type_.name); }
    size_t bytes() const override { return blocks_.size(); }
    int64_t group() const override { return type_.elements; }
    void decode(int64_t first, int64_t count, float* values) const override {
        const std::byte* block = blocks_.data() + static_cast<size_t>(first / type_.elements) * type_.bytes;
        for (int64_t i = 0; i < count; i += type_.elements, block += type_.bytes) type_.decode(block, values + i);
    }

  private:
    const BlockType& type_;
    std::span<const std::byte> blocks_;
    std::shared_ptr<const void> owner_;
};

}  // namespace

const BlockType kQ8_0{"q8_0", kSmall, 34, decode_q8_0};
const BlockType kQ4_K{"q4_k", kSuper, 144, decode_q4_k};
const BlockType kQ5_K{"q5_k", kSuper, 176, decode_q5_k};
const BlockType kQ6_K{"q6_k", kSuper, 210, decode_q6_k};

Stored quantised_tensor(const BlockType& type, const Shape& shape, std::span<const std::byte> blocks,
                        std::shared_ptr<const void> owner) {
    require(shape.rank() >= 1 && shape[shape.rank() - 1] % type.elements == 0, type.name, ": rows of ", shape);
    require(blocks.size() == static_cast<size_t>(shape.numel() / type.elements) * type.bytes, type.name, ": ", shape,
            " in ", blocks.size(), " bytes");
    return {shape, std::make_shared<Quantised>(type, blocks, std::move(owner))};
}

}  // namespace t3video::checkpoint
