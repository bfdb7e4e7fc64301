// Code points, normal forms and character classes: the one door to utf8proc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace t3video::text {

// The first character and its length in bytes, 0 where the text does not begin with a well-formed one.
std::pair<char32_t, size_t> first_of_utf8(std::string_view utf8);

// Each byte that is not part of a well-formed sequence becomes U+FFFD.
std::u32string decode_utf8(std::string_view utf8);
std::string encode_utf8(std::u32string_view text);

std::u32string nfc(std::u32string_view text);
std::u32string nfkc(char32_t c);

// What Windows-1252 has at the place of a C1 control (U+0080..U+009F). Its five unassigned places stay as they are.
char32_t windows_1252(char32_t c1);

bool is_decimal_digit(char32_t c);  // category Nd, in any script
bool is_word(char32_t c);           // a letter or number of any kind, or an underscore: Python's \w
// White_Space of Unicode and the four separators U+001C..U+001F: what Python calls a space.
bool is_space(char32_t c);

}  // namespace t3video::text
