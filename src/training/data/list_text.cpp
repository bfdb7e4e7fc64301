// Reads lists as text.
#include "training/data/list_text.h"

#include <algorithm>

#include "core/error.h"
#include "core/input_file.h"
#include "core/printable.h"

namespace t3video::training {

std::string read_list_text(const std::filesystem::path& path, std::string_view expected, size_t most) {
    std::string text = read_text_file(path, expected, most);
    const bool wide = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
    require_valid(!wide, path.string(), ": is UTF-16; save it as UTF-8");
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    return text;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\v\f\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::vector<TextLine> lines_of(std::string_view text) {
    std::vector<TextLine> lines;
    for (int64_t number = 1; !text.empty(); ++number) {
        const size_t end = std::min(text.find_first_of("\r\n"), text.size());
        if (const std::string_view line = trimmed(text.substr(0, end)); !line.empty()) lines.push_back({number, line});
        text.remove_prefix(std::min(text.size(), end + (text.substr(end).starts_with("\r\n") ? 2 : 1)));
    }
    return lines;
}

std::string in_quotes(std::string_view text, size_t most) {
    if (text.size() <= most) return concat('\'', printable(text), '\'');
    while (most > 0 && (text[most] & 0xC0) == 0x80) --most;
    return concat('\'', printable(text.substr(0, most)), "...'");
}

}  // namespace t3video::training
