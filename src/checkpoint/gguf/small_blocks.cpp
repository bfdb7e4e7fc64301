// Blocks of 32 elements with one or two f16 numbers each. Where elements have four bits, those of the first half of the
// block are the low halves of its bytes, those of the second the high halves.
#include <array>
#include <cstring>
#include <utility>

#include "checkpoint/gguf/block_parts.h"
#include "checkpoint/gguf/quantised.h"

namespace t3video::checkpoint {
namespace {

constexpr int64_t kElements = 32, kHalf = kElements / 2;

using Numbers = std::array<uint8_t, kElements>;

Numbers fours(const uint8_t* q) {
    Numbers x;
    for (size_t i = 0; i < kHalf; ++i) x[i] = q[i] & 15;
    for (size_t i = 0; i < kHalf; ++i) x[kHalf + i] = q[i] >> 4;
    return x;
}

// 16 where a bit of the index is set, in the order of the bits: no vector unit of old shifts each lane by its own
// count.
constexpr auto kFifthBits = [] {
    std::array<std::array<uint8_t, 8>, 256> table{};
    for (size_t byte = 0; byte < table.size(); ++byte) {
        for (size_t bit = 0; bit < 8; ++bit) table[byte][bit] = static_cast<uint8_t>((byte >> bit & 1) << 4);
    }
    return table;
}();

// 4 bytes of fifth bits, one for each element | the low four bits.
Numbers fives(const uint8_t* p) {
    Numbers x = fours(p + 4), fifth;
    for (size_t n = 0; n < 4; ++n) std::memcpy(fifth.data() + 8 * n, kFifthBits[p[n]].data(), 8);
    for (size_t i = 0; i < kElements; ++i) x[i] |= fifth[i];
    return x;
}

void decode_around(int middle, float scale, const Numbers& x, float* values) {
    for (size_t i = 0; i < kElements; ++i) values[i] = scale * static_cast<float>(x[i] - middle);
}

void decode_above(float minimum, float scale, const Numbers& x, float* values) {
    for (size_t i = 0; i < kElements; ++i) values[i] = scale * static_cast<float>(x[i]) + minimum;
}

// f16 scale | 16 bytes
void decode_q4_0(const std::byte* block, float* values) {
    decode_around(8, half_at(block), fours(bytes_at(block + 2)), values);
}

// f16 scale | f16 minimum | 16 bytes
void decode_q4_1(const std::byte* block, float* values) {
    decode_above(half_at(block + 2), half_at(block), fours(bytes_at(block + 4)), values);
}

// f16 scale | fives
void decode_q5_0(const std::byte* block, float* values) {
    decode_around(16, half_at(block), fives(bytes_at(block + 2)), values);
}

// f16 scale | f16 minimum | fives
void decode_q5_1(const std::byte* block, float* values) {
    decode_above(half_at(block + 2), half_at(block), fives(bytes_at(block + 4)), values);
}

// f16 scale | i8[32]
void decode_q8_0(const std::byte* block, float* values) {
    const float scale = half_at(block);
    const auto* q = reinterpret_cast<const int8_t*>(block + 2);
    for (int64_t i = 0; i < kElements; ++i) values[i] = scale * static_cast<float>(q[i]);
}

// f16 scale | 16 bytes
void decode_iq4_nl(const std::byte* block, float* values) {
    read_uneven(half_at(block), bytes_at(block + 2), values);
}

}  // namespace

const BlockType kQ4_0{"q4_0", kElements, 18, decode_q4_0};
const BlockType kQ4_1{"q4_1", kElements, 20, decode_q4_1};
const BlockType kQ5_0{"q5_0", kElements, 22, decode_q5_0};
const BlockType kQ5_1{"q5_1", kElements, 24, decode_q5_1};
const BlockType kQ8_0{"q8_0", kElements, 34, decode_q8_0};
const BlockType kIQ4_NL{"iq4_nl", kElements, 18, decode_iq4_nl};

}  // namespace t3video::checkpoint
