// Walks over UTF-8 (RFC 3629): a character is copied, or written as an escape.
#include "core/printable.h"

#include <fmt/format.h>

#include <cstdint>

namespace t3video {
namespace {

struct Character {
    uint32_t code = 0;
    size_t bytes = 0;  // 0: no UTF-8
};

// The first character of a text that is not empty. Overlong forms and surrogates are none.
Character first_of(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const uint32_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
    uint32_t code = lead & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xC0u) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3Fu);
    }
    const bool shortest = bytes == 2 || code >= (bytes == 3 ? 0x800u : 0x10000u);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return shortest && !surrogate && code <= 0x10FFFF ? Character{code, bytes} : Character{};
}

bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const auto [code, bytes] = first_of(text);
        if (bytes == 0) {
            shown += fmt::format("\\x{:02x}", static_cast<uint8_t>(text.front()));
        } else if (code == '\n' || code == '\r' || code == '\t') {
            shown += ' ';
        } else if (is_control(code)) {
            shown += code < 0x80 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
        } else {
            shown += text.substr(0, bytes);
        }
        text.remove_prefix(bytes == 0 ? 1 : bytes);
    }
    return shown;
}

}  // namespace t3video
