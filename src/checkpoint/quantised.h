// Weights quantised in blocks, as GGUF files hold them.
//
// Source: the layouts of ggml's block_q8_0, block_q4_K, block_q5_K and block_q6_K.
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

extern const BlockType kQ8_0;  // 32 x i8 with one f16 scale
extern const BlockType kQ4_K;  // 8 x 32 x 4 bits, a scale and a minimum of 6 bits for each 32
extern const BlockType kQ5_K;  // the same with 5 bits
extern const BlockType kQ6_K;  // 16 x 16 x 6 bits, a scale of 8 bits for each 16

// A weight encoded in `blocks`, which `owner` keeps alive. Rows hold whole blocks, and `blocks` as many as
// the shape takes: throws Error otherwise.
Stored quantised_tensor(const BlockType& type, const Shape& shape, std::span<const std::byte> blocks,
                        std::shared_ptr<const void> owner);

}  // namespace t3video::checkpoint
