// HTML character references, named and numeric.
#pragma once

#include <string>
#include <string_view>

namespace t3video::text {

// As HTML5 reads running text (and Python's html.unescape): names may lack their semicolon where HTML5 allows it, the
// longest name that fits wins ("&notit;" -> "¬it;"), and wrong numbers give U+FFFD, Windows-1252 or nothing.
std::u32string unescape_html(std::u32string_view text);

// Only what is a reference beyond doubt (as ftfy): ended by a semicolon, at most 24 letters or digits, and not itself
// standing for a semicolon. Also reads lower-case names written in capitals ("&EACUTE;").
std::u32string unescape_html_strict(std::u32string_view text);

}  // namespace t3video::text
