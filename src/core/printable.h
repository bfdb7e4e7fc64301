// Text of strangers on a terminal: prompts and options from files, names of files, what libraries say.
#pragma once

#include <string>
#include <string_view>

namespace t3video {

// The text in one line that a terminal shows and does not obey. Line breaks and tabs become blanks. Other control
// characters (C0, DEL, C1), line and paragraph separators and the marks that turn the direction of what follows
// (U+202A..202E, U+2066..2069) become escapes such as \x1b and \u202e, and so do bytes that are no UTF-8. All else
// stays as it is.
std::string printable(std::string_view text);

}  // namespace t3video
