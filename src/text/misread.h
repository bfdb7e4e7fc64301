// Tells text that was decoded with the wrong encoding.
#pragma once

#include <string_view>

namespace t3video::text {

// Whether there is a sequence of characters that people hardly write and that UTF-8 misread as a one-byte code page is
// full of ("Ã©" for "é"): the rules of ftfy 6.3.
bool looks_misread(std::u32string_view text);

}  // namespace t3video::text
