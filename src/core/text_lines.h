// Texts that people write with any editor, line by line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace t3video {

// The text without a byte order mark. Throws InvalidRequest naming the file for UTF-16.
std::string without_mark(std::string text, const std::filesystem::path& file);

// Without blanks and line breaks at the ends.
std::string_view trimmed(std::string_view text);

struct TextLine {
    int64_t number = 1;
    std::string_view text;  // trimmed
};

// Those that hold something. Lines end as on any system.
std::vector<TextLine> lines_of(std::string_view text);

}  // namespace t3video
