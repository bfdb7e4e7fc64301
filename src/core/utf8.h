// Whether bytes are a text.
#pragma once

#include <cstddef>
#include <string_view>

namespace t3video {

// Where bytes stop being a text in UTF-8 (RFC 3629: no surrogates, nothing overlong, nothing above U+10FFFF) without
// control characters other than tabs, line ends and form feeds; npos for a text.
size_t first_non_text(std::string_view bytes);

inline bool is_utf8_text(std::string_view bytes) {
    return first_non_text(bytes) == std::string_view::npos;
}

}  // namespace t3video
