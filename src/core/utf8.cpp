// A walk along the characters.
#include "core/utf8.h"

#include <cstdint>

namespace t3video {
namespace {

// The length of the character at the front, 0 where there is none.
size_t character(std::string_view bytes) {
    const auto byte = [&](size_t i) { return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : uint8_t{0}; };
    const uint8_t first = byte(0);
    if (first < 0x80) return (first >= ' ' && first != 0x7F) || (first >= '\t' && first <= '\r') ? 1 : 0;
    const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4) return 0;
    const uint8_t least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const uint8_t most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (byte(1) < least || byte(1) > most) return 0;
    for (size_t i = 2; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    return length;
}

}  // namespace

size_t first_non_text(std::string_view bytes) {
    for (size_t at = 0; at < bytes.size();) {
        const size_t length = character(bytes.substr(at));
        if (length == 0) return at;
        at += length;
    }
    return std::string_view::npos;
}

}  // namespace t3video
