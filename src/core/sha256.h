// SHA-256 (FIPS 180-4): names for files of strangers, and keys that are not kept as they are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace t3video {

class Sha256 {
  public:
    void add(std::string_view bytes);
    // Of all that was added: 64 hexadecimal digits. Nothing may be added afterwards.
    std::string text();

  private:
    static constexpr size_t kBlock = 64;  // bytes

    void mix(const unsigned char* block);

    std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<unsigned char, kBlock> rest_{};  // bytes that wait for a whole block
    uint64_t length_ = 0;
};

std::string sha256_of(std::string_view bytes);

}  // namespace t3video
