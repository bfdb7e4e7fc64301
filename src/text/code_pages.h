// One-byte code pages in which UTF-8 is misread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace t3video::text {

struct CodePage {
    std::string_view name;  // "windows-1252"
    // Whether byte 0x1A stands for U+FFFD, which programs write for bytes that have no meaning in this page.
    bool lossy;
    // Characters of the bytes from 0x80 on; bytes without a meaning are the control characters of their number.
    std::array<char16_t, 128> upper;
};

// In the order in which they are to be tried: the likeliest first, Latin-1 and Windows-1252.
std::span<const CodePage> code_pages();

// The bytes that the page reads as this text; nothing where one of its characters is not in the page.
std::optional<std::string> encode(std::u32string_view text, const CodePage& page);

// What a character may be in UTF-8 that was misread: what its byte in one of the pages that are like Latin-1 means
// there.
struct Utf8Part {
    bool first_of_2, first_of_3, first_of_4;
    bool next;         // a continuation; also a space, which programs make of U+00A0
    bool surely_next;  // a continuation, and no punctuation that is common beside misread text
};
Utf8Part utf8_part_of(char32_t c);

}  // namespace t3video::text
