// UTF-8 whose bytes were damaged on their way through a code page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace t3video::text {

// Spaces that stand where only byte 0xA0 would make a character of what is around them become that byte. "Ã " as a
// word of its own ("à", in French and Portuguese) keeps its space behind it.
std::string restore_no_break_spaces(std::string_view bytes);

// Sequences in which some of the bytes behind the first are 0x1A (lost), or one is '?', become U+FFFD; so does 0x1A
// elsewhere.
std::string replace_lossy_sequences(std::string_view bytes);

// UTF-8, also with characters beyond U+FFFF as two surrogates of three bytes each, and with 0xC0 0x80 for U+0000.
// Nothing for other bytes.
std::optional<std::u32string> decode_utf8_variants(std::string_view bytes);

}  // namespace t3video::text
