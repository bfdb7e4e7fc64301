// Bodies in pieces (RFC 9112, 7.1): whether the lines before the pieces are sizes, which the library reads as C does,
// so that "-2" and " 0x5" would be some, too.
#pragma once

#include <cstdint>
#include <string_view>

namespace t3video::server {

class ChunkSizes {
  public:
    // The next bytes of the body. False from where one of them cannot be.
    bool take(std::string_view bytes);

  private:
    bool take(char byte);

    enum class At { size, extension, piece, end_of_piece, trailer } at_ = At::size;
    int digits_ = 0;
    uint64_t left_ = 0;  // of the piece
    bool right_ = true;
};

}  // namespace t3video::server
