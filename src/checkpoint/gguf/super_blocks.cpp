// Super-blocks of 256 elements: groups of 16 or 32 have scales of a few bits, which are multiples of f16 numbers of the
// whole block.
#include <array>
#include <utility>

#include "checkpoint/gguf/block_parts.h"
#include "checkpoint/gguf/quantised.h"

namespace t3video::checkpoint {
namespace {

constexpr int64_t kElements = 256;

// 16 bytes of scales and, in the high halves, minima, 4 bits each | 64 bytes of elements | f16 d | f16 dmin. Each half
// of 128 elements has 32 of the bytes: element 32s + i is bits 2s of byte i. 16 elements share a scale.
void decode_q2_k(const std::byte* block, float* values) {
    const float d = half_at(block + 80), dmin = half_at(block + 82);
    const uint8_t *groups = bytes_at(block), *q = bytes_at(block + 16);
    for (int half = 0; half < 2; ++half, q += 32) {
        for (int s = 0; s < 4; ++s) {
            for (int first = 0; first < 32; first += 16, ++groups, values += 16) {
                const float scale = d * static_cast<float>(*groups & 15),
                            minimum = dmin * static_cast<float>(*groups >> 4);
                for (int i = 0; i < 16; ++i)
                    values[i] = scale * static_cast<float>(q[first + i] >> 2 * s & 3) - minimum;
            }
        }
    }
}

// The 16 scales of Q3_K, offset by 32, in 12 bytes: the low four bits of scales 0..7 are the low halves of bytes 0..7,
// of 8..15 the high halves; the upper two bits of scale 4n + i are bits 2n of byte 8 + i.
std::array<int, 16> six_bit_scales(const uint8_t* p) {
    std::array<int, 16> scales;
    for (size_t i = 0; i < 16; ++i) {
        const int low = i < 8 ? p[i] & 15 : p[i - 8] >> 4, high = p[8 + i % 4] >> 2 * (i / 4) & 3;
        scales[i] = (low | high << 4) - 32;
    }
    return scales;
}

// 32 bytes of third bits, of which bit n of byte i belongs to element 32n + i | 64 bytes of the low two as in Q2_K | 12
// bytes of scales | f16 d. Where the third bit is not set, 4 is subtracted. 16 elements share a scale.
void decode_q3_k(const std::byte* block, float* values) {
    const float d = half_at(block + 108);
    const uint8_t *third = bytes_at(block), *q = bytes_at(block + 32);
    const auto scales = six_bit_scales(bytes_at(block + 96));
    for (size_t n = 0; n < 8; ++n) {
        const uint8_t* low = q + n / 4 * 32;
        for (size_t first = 0; first < 32; first += 16, values += 16) {
            const float scale = d * static_cast<float>(scales[2 * n + first / 16]);
            for (size_t i = 0; i < 16; ++i) {
                const int number = (low[first + i] >> n % 4 * 2 & 3) | (third[first + i] >> n & 1) << 2;
                values[i] = scale * static_cast<float>(number - 4);
            }
        }
    }
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

// f16 d | the upper two bits of 8 scales, 16 bits | their low four bits, 4 bytes | 8 x 16 bytes, each 32 elements as in
// IQ4_NL. Scales are offset by 32.
void decode_iq4_xs(const std::byte* block, float* values) {
    const float d = half_at(block);
    const uint8_t *high = bytes_at(block + 2), *low = bytes_at(block + 4), *q = bytes_at(block + 8);
    for (size_t n = 0; n < 8; ++n, q += 16, values += 32) {
        const int number = (low[n / 2] >> n % 2 * 4 & 15) | (high[n / 4] >> n % 4 * 2 & 3) << 4;
        read_uneven(d * static_cast<float>(number - 32), q, values);
    }
}

}  // namespace

const BlockType kQ2_K{"q2_k", kElements, 84, decode_q2_k};
const BlockType kQ3_K{"q3_k", kElements, 110, decode_q3_k};
const BlockType kQ4_K{"q4_k", kElements, 144, decode_q4_k};
const BlockType kQ5_K{"q5_k", kElements, 176, decode_q5_k};
const BlockType kQ6_K{"q6_k", kElements, 210, decode_q6_k};
const BlockType kIQ4_XS{"iq4_xs", kElements, 136, decode_iq4_xs};

}  // namespace t3video::checkpoint
