// Numbers that tell contents apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace t3video {

// FNV-1a (Fowler, Noll, Vo) over 64-bit words in four interleaved lanes, which runs at the memory's rate, folded into
// 64 bits together with the length. Against accidents, not against forgery.
class ContentHash {
  public:
    void add(std::span<const std::byte> bytes);
    void add(std::string_view text);
    // Of all that was added: 16 hexadecimal digits.
    std::string text() const;

  private:
    static constexpr size_t kBlock = 32;  // bytes, a word for each lane

    void mix(const std::byte* block);

    std::array<uint64_t, 4> lanes_ = {0xCBF29CE484222325u, 0x84222325CBF29CE4u, 0x9CE484222325CBF2u,
                                      0x2325CBF29CE48422u};
    std::array<std::byte, kBlock> rest_{};  // bytes that wait for a whole block
    uint64_t length_ = 0;
};

std::string text_hash(std::string_view text);

// Of the bytes of a file, or of the names and bytes of a folder's files in the order of their names. Throws
// InvalidRequest for what cannot be read.
std::string content_hash(const std::filesystem::path& path);

// Of a file's size and bytes; of one beyond 16 MiB its size, first MiB (where formats keep their header) and 1024
// evenly spaced pages of 4 KiB, up to the last: checkpoints of many GB in a moment. Throws as content_hash does.
std::string sampled_hash(const std::filesystem::path& path);

}  // namespace t3video
