// Quantised blocks against scalar formulas, element by element, and blocks made by hand.
#include "checkpoint/gguf/quantised.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {
namespace {

using Block = std::vector<uint8_t>;

double half(const Block& b, size_t at) {
    f16 value;
    value.bits = static_cast<uint16_t>(b[at] | b[at + 1] << 8);
    return static_cast<float>(value);
}

// Bits [bit, bit + count) of a little-endian run of bytes.
int bits(const Block& b, size_t at, int bit, int count) {
    return b[at + static_cast<size_t>(bit / 8)] >> bit % 8 & ((1 << count) - 1);
}

// The n-th 6-bit scale (first = 4) or minimum (first = 8) of a K block: its own byte for n < 4; for later ones 4 bits
// in bytes 12..15 of the block, the upper 2 in the upper bits of byte n - 4.
int six_bits(const Block& b, size_t first, int n) {
    const auto i = static_cast<size_t>(n);
    if (n < 4) return b[first + i] % 64;
    const int low = first == 4 ? b[12 + i - 4] % 16 : b[12 + i - 4] / 16;
    return low + 16 * (b[first + i - 4] / 64);
}

double q8_0(const Block& b, int i) {
    return half(b, 0) * static_cast<int8_t>(b[static_cast<size_t>(2 + i)]);
}

// Element i of 256 lies in group g = i / 32, which shares its 32 bytes with the group beside it.
double q4_k(const Block& b, int i) {
    const int g = i / 32, number = bits(b, static_cast<size_t>(16 + g / 2 * 32 + i % 32), 4 * (g % 2), 4);
    return half(b, 0) * six_bits(b, 4, g) * number - half(b, 2) * six_bits(b, 8, g);
}

double q5_k(const Block& b, int i) {
    const int g = i / 32;
    const int number = bits(b, static_cast<size_t>(48 + g / 2 * 32 + i % 32), 4 * (g % 2), 4) +
                       16 * bits(b, static_cast<size_t>(16 + i % 32), g, 1);
    return half(b, 0) * six_bits(b, 4, g) * number - half(b, 2) * six_bits(b, 8, g);
}

double q6_k(const Block& b, int i) {
    const int h = i / 128, s = i % 128 / 32, column = i % 32;
    const int low = bits(b, static_cast<size_t>(64 * h + 32 * (s % 2) + column), 4 * (s / 2), 4);
    const int high = bits(b, static_cast<size_t>(128 + 32 * h + column), 2 * s, 2);
    const int scale = static_cast<int8_t>(b[static_cast<size_t>(192 + i / 16)]);
    return half(b, 208) * scale * (low + 16 * high - 32);
}

struct Case {
    const BlockType* type;
    std::function<double(const Block&, int)> reference;
    std::vector<size_t> halves;  // places of f16 numbers, which must be finite
};

class Quantised : public ::testing::TestWithParam<Case> {};

TEST_P(Quantised, DecodesLikeTheFormula) {
    const auto& [type, reference, halves] = GetParam();
    std::mt19937 engine(7);
    constexpr int64_t kRows = 3, kBlocks = 2;
    std::vector<Block> blocks;
    std::vector<std::byte> bytes;
    for (int64_t i = 0; i < kRows * kBlocks; ++i) {
        Block block(type->bytes);
        for (uint8_t& byte : block) byte = static_cast<uint8_t>(engine());
        for (const size_t at : halves) block[at + 1] &= 0xBF;  // an exponent below that of infinity
        for (const uint8_t byte : block) bytes.push_back(std::byte{byte});
        blocks.push_back(block);
    }
    const Stored x = quantised_tensor(*type, {kRows, kBlocks * type->elements}, bytes, nullptr);
    EXPECT_EQ(x.bytes(), bytes.size());
    EXPECT_EQ(x.encoding()->group(), type->elements);
    const Tensor all = decoded(x);
    for (int64_t i = 0; i < x.numel(); ++i) {
        const double expected =
            reference(blocks[static_cast<size_t>(i / type->elements)], static_cast<int>(i % type->elements));
        ASSERT_NEAR(all.span<float>()[static_cast<size_t>(i)], expected, 1e-5 * std::max(1.0, std::abs(expected)))
            << type->name << " element " << i;
    }
    std::vector<float> part(static_cast<size_t>(type->elements));
    x.encoding()->decode(3 * type->elements, type->elements, part.data());
    for (size_t i = 0; i < part.size(); ++i)
        EXPECT_EQ(part[i], all.span<float>()[i + static_cast<size_t>(3 * type->elements)]);
}

INSTANTIATE_TEST_SUITE_P(Types, Quantised,
                         ::testing::Values(Case{&kQ8_0, q8_0, {0}}, Case{&kQ4_K, q4_k, {0, 2}},
                                           Case{&kQ5_K, q5_k, {0, 2}}, Case{&kQ6_K, q6_k, {208}}),
                         [](const auto& entry) { return std::string(entry.param.type->name); });

// Of every type: the places of f16 numbers in a block, and the checksum that tools/make_quantised_vectors.py prints.
struct Reference {
    const BlockType* type;
    std::vector<size_t> halves;
    uint64_t checksum;
};

// Of the bits of the values, whatever NaNs look like.
uint64_t checksum(std::span<const float> values) {
    uint64_t sum = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        const uint32_t bits = std::isnan(values[i]) ? 0x7FC00000u : std::bit_cast<uint32_t>(values[i]);
        sum += bits * (i * 0x9E3779B97F4A7C15u | 1u);
    }
    return sum;
}

class EveryScale : public ::testing::TestWithParam<Reference> {};

// Random blocks with all values of a 16-bit float as scale, upwards, and as minimum, downwards.
TEST_P(EveryScale, DecodesToTheReferencesBits) {
    const auto& [type, halves, expected] = GetParam();
    constexpr size_t kBlocks = 1 << 16;
    std::mt19937 engine(7);
    std::vector<std::byte> bytes(kBlocks * type->bytes);
    for (size_t i = 0; i < bytes.size(); i += 4) {
        const auto word = static_cast<uint32_t>(engine());
        std::memcpy(bytes.data() + i, &word, std::min<size_t>(4, bytes.size() - i));
    }
    for (size_t block = 0; block < kBlocks; ++block) {
        for (size_t n = 0; n < halves.size(); ++n) {
            const auto bits = static_cast<uint16_t>(n == 0 ? block : kBlocks - 1 - block);
            std::memcpy(bytes.data() + block * type->bytes + halves[n], &bits, sizeof(bits));
        }
    }
    const Stored x = quantised_tensor(*type, {int64_t{kBlocks} * type->elements}, bytes, nullptr);
    EXPECT_EQ(checksum(decoded(x).span<float>()), expected);
}

INSTANTIATE_TEST_SUITE_P(
    Types, EveryScale,
    ::testing::Values(Reference{&kQ4_0, {0}, 0xf23353c1cf768400}, Reference{&kQ4_1, {0, 2}, 0x5ded8ea4da42990f},
                      Reference{&kQ5_0, {0}, 0xa2235ee95b112200}, Reference{&kQ5_1, {0, 2}, 0xce8a9f6bfb2e320f},
                      Reference{&kQ8_0, {0}, 0xdcb18e2d887fdf40}, Reference{&kIQ4_NL, {0}, 0xe29f9bd0c3371000},
                      Reference{&kQ2_K, {80, 82}, 0x4b7a9fda495fd92f}, Reference{&kQ3_K, {108}, 0x1fc86a226f499400},
                      Reference{&kQ4_K, {0, 2}, 0xd739b55b4117483b}, Reference{&kQ5_K, {0, 2}, 0x4eaafb7c319166d9},
                      Reference{&kQ6_K, {208}, 0x77712da37f89d1a8}, Reference{&kIQ4_XS, {0}, 0xd5529c231b1ffe80}),
    [](const auto& entry) { return std::string(entry.param.type->name); });

// Files as gguf writes them, with the values that it decodes them to.
TEST(QuantisedFile, EqualsTheReference) {
    const TensorSource blocks = open_tensors(T3VIDEO_TEST_DATA "/quantised.gguf"),
                       values = open_tensors(T3VIDEO_TEST_DATA "/quantised.safetensors");
    EXPECT_EQ(blocks.tensors.size(), 12u);
    ASSERT_EQ(blocks.tensors.size(), values.tensors.size());
    for (const auto& [name, expected] : values.tensors) {
        const Stored& x = blocks.tensors.at(name).tensor;
        ASSERT_EQ(x.shape(), expected.tensor.shape()) << name;
        const Tensor found = decoded(x);
        EXPECT_TRUE(std::ranges::equal(found.span<float>(), expected.tensor.numbers().span<float>())) << name;
    }
}

Tensor by_hand(const BlockType& type, const Block& block) {
    std::vector<std::byte> bytes;
    for (const uint8_t byte : block) bytes.push_back(std::byte{byte});
    auto owner = std::make_shared<std::vector<std::byte>>(bytes);
    return decoded(quantised_tensor(type, {type.elements}, *owner, owner));
}

// d = 1 (0x3C00), dmin = 0.5 (0x3800); scale 3 and minimum 2 of group 0; scale 33 = 1 + 2*16 and minimum 18 = 2 + 16 of
// group 5, whose numbers are the high halves of the third run of 32 bytes.
TEST(QuantisedByHand, Q4K) {
    Block b(144, 0);
    b[1] = 0x3C, b[3] = 0x38;
    b[4] = 3, b[8] = 2;
    b[13] = 0x21, b[5] = 2 << 6, b[9] = 1 << 6;
    b[16] = 0x0B;           // element 0: 11; element 32: 0
    b[16 + 64 + 7] = 0x70;  // element 128 + 32 + 7: 7
    const Tensor x = by_hand(kQ4_K, b);
    const auto values = x.span<float>();
    EXPECT_EQ(values[0], 3 * 11 - 0.5f * 2);
    EXPECT_EQ(values[1], -1.0f);
    EXPECT_EQ(values[32], 0.0f);
    EXPECT_EQ(values[167], 33 * 7 - 0.5f * 18);
    EXPECT_EQ(values[160], -9.0f);
}

// The fifth bit of element 32s + i is bit s of byte 16 + i.
TEST(QuantisedByHand, Q5K) {
    Block b(176, 0);
    b[1] = 0x3C, b[4] = 1, b[7] = 2;
    b[16 + 5] = 1 | 1 << 3;
    b[48 + 5] = 0x02;
    b[48 + 32 + 5] = 0x40;
    const Tensor x = by_hand(kQ5_K, b);
    const auto values = x.span<float>();
    EXPECT_EQ(values[5], 18.0f);
    EXPECT_EQ(values[96 + 5], 2 * 20.0f);
    EXPECT_EQ(values[6], 0.0f);
}

TEST(QuantisedByHand, Q6K) {
    Block b(210, 0);
    b[209] = 0x3C;                               // d = 1
    b[192] = 1, b[192 + 13] = 0xFE;              // scales of elements 0..15 and, -2, of 208..223
    b[0] = 0x05, b[128] = 0x03;                  // element 0: 5 + 3*16 - 32 = 21
    b[64 + 17] = 0x90, b[128 + 32 + 17] = 0x10;  // element 128 + 64 + 17 = 209: 9 + 1*16 - 32 = -7
    const Tensor x = by_hand(kQ6_K, b);
    const auto values = x.span<float>();
    EXPECT_EQ(values[0], 21.0f);
    EXPECT_EQ(values[1], -32.0f);
    EXPECT_EQ(values[209], 14.0f);
    EXPECT_EQ(values[208], 64.0f);
}

// The fifth bit of element i is bit i of bytes 2..5; elements from 16 on are high halves.
TEST(QuantisedByHand, Q5_0) {
    Block b(22, 0);
    b[1] = 0x40;         // 2
    b[2] = 1, b[5] = 2;  // of elements 0 and 25
    b[6] = 0x03, b[6 + 9] = 0x50;
    const Tensor x = by_hand(kQ5_0, b);
    EXPECT_EQ(x.span<float>()[0], 2 * (19 - 16.0f));
    EXPECT_EQ(x.span<float>()[25], 2 * (21 - 16.0f));
    EXPECT_EQ(x.span<float>()[16], -32.0f);
}

// Scale 9, of elements 144..159, is the high half of byte 1 and bits 4 and 5 of byte 9 of the scales; all are offset
// by 32, and numbers by 4 where their third bit is not set.
TEST(QuantisedByHand, Q3K) {
    Block b(110, 0);
    b[109] = 0x3C;                             // d = 1
    b[96 + 1] = 0x50, b[96 + 9] = 2 << 4;      // 5 + 2*16
    b[32 + 32 + 16] = 3, b[32 + 32 + 17] = 1;  // elements 144 and 145
    b[16] = 1 << 4;                            // the third bit of 144
    const Tensor x = by_hand(kQ3_K, b);
    EXPECT_EQ(x.span<float>()[144], 5 * 3.0f);
    EXPECT_EQ(x.span<float>()[145], 5 * -3.0f);
    EXPECT_EQ(x.span<float>()[0], -32 * -4.0f);
}

TEST(QuantisedByHand, Q8_0) {
    Block b(34, 0);
    b[1] = 0xC0;  // -2
    b[2] = 3, b[33] = 0x80;
    const Tensor x = by_hand(kQ8_0, b);
    EXPECT_EQ(x.span<float>()[0], -6.0f);
    EXPECT_EQ(x.span<float>()[31], 256.0f);
}

}  // namespace
}  // namespace t3video::checkpoint
