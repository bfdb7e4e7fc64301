// The text of a list, and its lines.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/text_lines.h"

namespace t3video::training {

constexpr size_t kLargestList = size_t{64} << 20;  // bytes

// At most `most` bytes, without a byte order mark. Throws InvalidRequest as read_text_file does, and for UTF-16.
std::string read_list_text(const std::filesystem::path& path, std::string_view expected, size_t most);

// Text of strangers for a one-line message: in single quotes, printable, cut behind the last character that ends within
// `most` bytes.
std::string in_quotes(std::string_view text, size_t most = 80);

}  // namespace t3video::training
