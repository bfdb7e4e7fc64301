// Beginnings of files that stand where others were to be.
#include "core/foreign_file.h"

#include <algorithm>
#include <cctype>

#include "core/message.h"
#include "core/printable.h"

namespace t3video {
namespace {

struct Beginning {
    std::string_view bytes, what;
};

constexpr Beginning kCompressed[] = {
    {"\x1f\x8b", "is compressed (gzip)"},
    {"\xfd"
     "7zXZ",
     "is compressed (xz)"},
    {"\x28\xb5\x2f\xfd", "is compressed (zstd)"},
    {"7z\xbc\xaf\x27\x1c", "is a 7z archive"},
    {"Rar!", "is a RAR archive"},
};

bool starts_with_any_case(std::string_view text, std::string_view lower) {
    return text.size() >= lower.size() && std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) {
               return a == std::tolower(static_cast<unsigned char>(b));
           });
}

bool is_web_page(std::string_view text) {
    const size_t first = std::min(text.find_first_not_of(" \t\r\n\xef\xbb\xbf"), text.size());
    text.remove_prefix(first);
    return std::ranges::any_of(
        std::initializer_list<std::string_view>{"<!doctype", "<html", "<head", "<?xml", "<error"},
        [&](std::string_view tag) { return starts_with_any_case(text, tag); });
}

}  // namespace

std::string foreign_words(std::string_view beginning, std::string_view wanted) {
    if (beginning.starts_with("version https://git-lfs"))
        return concat("is a Git LFS pointer, not ", wanted, "; fetch the file itself with 'git lfs pull'");
    for (const Beginning& known : kCompressed) {
        if (beginning.starts_with(known.bytes)) return concat(known.what, "; unpack it first");
    }
    if (is_web_page(beginning))
        return "is an HTML or XML page, as servers send in place of a file; look into it, and download again";
    if (beginning.size() >= 16 && beginning.find_first_not_of('\0') == std::string_view::npos)
        return "begins with zeros; the download did not begin or is not complete";
    return {};
}

std::string text_words(std::string_view beginning, std::string_view wanted) {
    const std::string_view words = beginning.substr(0, 64);
    const size_t first = std::min(words.find_first_not_of(" \t\r\n"), words.size());
    const bool is_text =
        words.size() >= 8 && first < words.size() && words[first] != '{' && std::ranges::all_of(words, [](char c) {
            return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
        });
    if (!is_text) return {};
    return concat("is a text that begins with ", "'", printable(beginning.substr(0, 40)), "', not ", wanted,
                  "; where it was downloaded, the server sent it in place of the file");
}

}  // namespace t3video
