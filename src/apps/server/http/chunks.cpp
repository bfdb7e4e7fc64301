// Follows the pieces byte by byte, and skips what is in them.
#include "apps/server/http/chunks.h"

#include <algorithm>

namespace t3video::server {
namespace {

constexpr int kMostDigits = 15;  // of a size

int value_of(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    const char lower = static_cast<char>(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

bool ChunkSizes::take(std::string_view bytes) {
    while (right_ && !bytes.empty()) {
        if (at_ == At::piece) {
            const auto some = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
            bytes.remove_prefix(some);
            left_ -= some;
            if (left_ == 0) at_ = At::end_of_piece;
        } else {
            right_ = take(bytes.front());
            bytes.remove_prefix(1);
        }
    }
    return right_;
}

// What ends a line and what follows the last piece is the library's to judge.
bool ChunkSizes::take(char byte) {
    switch (at_) {
        case At::size:
            if (const int value = value_of(byte); value >= 0) {
                left_ = 16 * left_ + static_cast<uint64_t>(value);
                return ++digits_ <= kMostDigits;
            }
            if (digits_ == 0 || (byte != '\r' && byte != ';' && byte != ' ' && byte != '\t')) return false;
            at_ = At::extension;
            return true;
        case At::extension:
            if (byte == '\n') at_ = left_ > 0 ? At::piece : At::trailer;
            return true;
        case At::end_of_piece:
            if (byte == '\n') at_ = At::size, digits_ = 0;
            return byte == '\r' || byte == '\n';
        default:
            return true;
    }
}

}  // namespace t3video::server
