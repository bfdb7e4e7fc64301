// Lookups in the table of code pages.
#include "text/code_pages.h"

#include <algorithm>

namespace t3video::text {
namespace {

#include "text/code_pages.inc"

constexpr char32_t kReplacement = 0xFFFD;
constexpr uint8_t kSubstitute = 0x1A;
constexpr size_t kLikeLatin1 = 7;  // the first pages; those behind them have letters elsewhere

std::optional<uint8_t> upper_byte(char32_t c, const CodePage& page) {
    const auto found = std::ranges::find(page.upper, c, [](char16_t known) { return static_cast<char32_t>(known); });
    if (found == page.upper.end()) return std::nullopt;
    return static_cast<uint8_t>(0x80 + (found - page.upper.begin()));
}

std::optional<uint8_t> byte_of(char32_t c, const CodePage& page) {
    if (page.lossy && c == kReplacement) return kSubstitute;
    if (page.lossy && c == kSubstitute) return std::nullopt;
    return c < 0x80 ? std::optional(static_cast<uint8_t>(c)) : upper_byte(c, page);
}

// Dashes, quotation marks, the bullet and the ellipsis.
bool is_common_punctuation(char32_t c) {
    return (c >= 0x2013 && c <= 0x2015) || (c >= 0x2018 && c <= 0x201A) || (c >= 0x201C && c <= 0x201E) ||
           c == 0x2022 || c == 0x2026;
}

}  // namespace

std::span<const CodePage> code_pages() {
    return kCodePages;
}

std::optional<std::string> encode(std::u32string_view text, const CodePage& page) {
    std::string bytes;
    bytes.reserve(text.size());
    for (const char32_t c : text) {
        const auto byte = byte_of(c, page);
        if (!byte) return std::nullopt;
        bytes += static_cast<char>(*byte);
    }
    return bytes;
}

Utf8Part utf8_part_of(char32_t c) {
    Utf8Part part{};
    part.next = c == U' ';
    if (c < 0x80) return part;
    for (const CodePage& page : code_pages().first(kLikeLatin1)) {
        const uint8_t byte = upper_byte(c, page).value_or(0);
        part.first_of_2 |= byte >= 0xC2 && byte <= 0xDF;
        part.first_of_3 |= byte >= 0xE0 && byte <= 0xEF;
        part.first_of_4 |= byte == 0xF0 || byte == 0xF3;  // the others begin no assigned character
        part.next |= byte >= 0x80 && byte <= 0xBF;
    }
    part.surely_next = part.next && !is_common_punctuation(c);
    return part;
}

}  // namespace t3video::text
