// Reads ranges.
#include "apps/server/http/ranges.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/numbers.h"
#include "core/text_lines.h"

namespace t3video::server {
namespace {

// Digits alone, as signs and blanks have no place in a range; beyond 64 bits as many as there are.
std::optional<int64_t> position(std::string_view text) {
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    return number_of<int64_t>(text).value_or(INT64_MAX);
}

}  // namespace

Slice slice_of(const std::string* range, int64_t bytes) {
    const Slice whole{200, 0, bytes}, nothing{416, 0, 0};
    constexpr std::string_view kUnit = "bytes=";
    if (!range || !range->starts_with(kUnit)) return whole;
    const std::string_view text = trimmed(std::string_view(*range).substr(kUnit.size()));
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) return whole;
    const auto first = position(text.substr(0, dash)), last = position(text.substr(dash + 1));
    if (dash == 0 && last) {  // the last so many
        const int64_t count = std::min(*last, bytes);
        return count == 0 ? nothing : Slice{206, bytes - count, count};
    }
    if (!first || (!last && dash + 1 < text.size()) || (last && *last < *first)) return whole;
    if (*first >= bytes) return nothing;
    return {206, *first, std::min(last.value_or(INT64_MAX), bytes - 1) - *first + 1};
}

bool lists_tag(const std::string& header, const std::string& tag) {
    for (std::string_view rest = header; !rest.empty();) {
        const size_t comma = std::min(rest.find(','), rest.size());
        std::string_view one = trimmed(rest.substr(0, comma));
        if (one.starts_with("W/")) one.remove_prefix(2);
        if (one == tag || one == "*") return true;
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
}

}  // namespace t3video::server
