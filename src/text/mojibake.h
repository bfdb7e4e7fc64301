// Repairs UTF-8 that was read in a one-byte code page, once or several times.
#pragma once

#include <string>
#include <string_view>

namespace t3video::text {

// "cafÃ©" -> "café", as ftfy 6.3 does it: text that looks misread is written in each code page that has all of its
// characters, and read as UTF-8; the first page that allows it is taken, and the result looked at again. Bytes that
// were lost on the way are made up for where they must have been U+00A0, else U+FFFD. Where no page has the whole text,
// runs in it are repaired. What does not look misread stays.
std::u32string repair_mojibake(std::u32string_view text);

// Control characters U+0080..U+009F as what Windows-1252 has at their places.
std::u32string without_c1_controls(std::u32string_view text);

}  // namespace t3video::text
