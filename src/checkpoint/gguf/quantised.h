// Weights quantised in blocks, as GGUF files hold them.
//
// Source: the layouts of ggml's block_q4_0 to block_iq4_xs, in small_blocks.cpp and super_blocks.cpp. Values are those
// of the decoder in PyPI's gguf, to the bit.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "tensor/stored.h"

namespace t3video::checkpoint {

struct BlockType {
    std::string_view name;
    int64_t elements;  // of a block
    size_t bytes;      // of a block
    void (*decode)(const std::byte* block, float* values);
};

// Blocks of 32.
extern const BlockType kQ4_0;    // 4 bits, one f16 scale
extern const BlockType kQ4_1;    // 4 bits, f16 scale and minimum
extern const BlockType kQ5_0;    // 5 bits, one f16 scale
extern const BlockType kQ5_1;    // 5 bits, f16 scale and minimum
extern const BlockType kQ8_0;    // i8 with one f16 scale
extern const BlockType kIQ4_NL;  // 4 bits that choose among uneven steps, one f16 scale
// Blocks of 256.
extern const BlockType kQ2_K;    // 16 x 16 x 2 bits, a scale and a minimum of 4 bits for each 16
extern const BlockType kQ3_K;    // 16 x 16 x 3 bits, a scale of 6 bits for each 16
extern const BlockType kQ4_K;    // 8 x 32 x 4 bits, a scale and a minimum of 6 bits for each 32
extern const BlockType kQ5_K;    // the same with 5 bits
extern const BlockType kQ6_K;    // 16 x 16 x 6 bits, a scale of 8 bits for each 16
extern const BlockType kIQ4_XS;  // 8 x 32 x 4 bits that choose among uneven steps, a scale of 6 bits for each 32

// A weight encoded in `blocks`, which `owner` keeps alive. Rows hold whole blocks, and `blocks` as many as
// the shape takes: throws Error otherwise.
Stored quantised_tensor(const BlockType& type, const Shape& shape, std::span<const std::byte> blocks,
                        std::shared_ptr<const void> owner);

}  // namespace t3video::checkpoint
