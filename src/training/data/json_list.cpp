// Finds the commas of a list, looking at brackets and quotes only.
#include "training/data/json_list.h"

#include <algorithm>

#include "core/error.h"

namespace t3video::training {

bool is_meant_as_json(std::string_view text) {
    text = trimmed(text);
    if (text.starts_with('{')) return true;
    if (!text.starts_with('[')) return false;
    const std::string_view inside = trimmed(text.substr(1));
    return inside.starts_with('{') || inside.starts_with('"') || inside.starts_with(']');
}

std::vector<TextLine> split_json_list(std::string_view text, const std::string& where) {
    const size_t open = text.find('[');
    require_valid(open != std::string_view::npos, where, ": is no JSON list");
    int64_t line = 1 + std::ranges::count(text.substr(0, open), '\n'), begun = line;
    std::vector<TextLine> entries;
    size_t from = open + 1;
    int64_t depth = 0;
    bool in_text = false, blank = true;
    for (size_t at = from; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '\n') ++line;
        if (blank && !trimmed({&c, 1}).empty()) {
            begun = line;
            blank = false;
        }
        if (in_text) {
            if (c == '\\') ++at;
            if (c == '"') in_text = false;
        } else if (c == '"') {
            in_text = true;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if (depth > 0 && (c == ']' || c == '}')) {
            --depth;
        } else if (depth == 0 && (c == ',' || c == ']')) {
            const std::string_view entry = trimmed(text.substr(from, at - from));
            if (c == ',' || !entry.empty() || !entries.empty()) entries.push_back({begun, entry});
            from = at + 1;
            blank = true;
            if (c == ',') continue;
            require_valid(trimmed(text.substr(from)).empty(), where, ": line ", line,
                          ": something follows the list's end");
            return entries;
        }
    }
    throw InvalidRequest(concat(where, ": line ", begun, ": the list does not end, or the entry that begins here"));
}

}  // namespace t3video::training
