// HTML character references, named and numeric.
#include "text/html.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "text/unicode.h"

namespace t3video::text {
namespace {

struct HtmlEntity {
    std::string_view name;           // with its semicolon, if it needs one
    std::array<char32_t, 3> text{};  // up to three characters, filled with zeros

    std::u32string_view str() const {
        return {text.data(), static_cast<size_t>(std::ranges::find(text, 0) - text.begin())};
    }
};

#include "text/html_entities.inc"

constexpr size_t kLongestName = 32;  // "CounterClockwiseContourIntegral;"
constexpr size_t kLongestStrictName = 24;

bool is_digit(char32_t c) {
    return c >= '0' && c <= '9';
}
bool is_hex_digit(char32_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_alphanumeric(char32_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool ends_name(char32_t c) {
    return std::u32string_view(U"\t\n\f <&#;").find(c) != std::u32string_view::npos;
}

// Length of the longest prefix of characters that satisfy `accept`, at most `most`.
size_t prefix_length(std::u32string_view text, auto accept, size_t most = std::u32string_view::npos) {
    size_t length = 0;
    while (length < std::min(text.size(), most) && accept(text[length])) ++length;
    return length;
}

const HtmlEntity* find_entity(std::span<const HtmlEntity> sorted, std::u32string_view name) {
    const auto less = [](const HtmlEntity& a, std::u32string_view b) {
        return std::ranges::lexicographical_compare(a.name, b, {}, [](char c) { return static_cast<char32_t>(c); });
    };
    const auto at = std::lower_bound(sorted.begin(), sorted.end(), name, less);
    return at != sorted.end() && std::ranges::equal(at->name, name) ? &*at : nullptr;
}

// What a numeric reference stands for: control characters and noncharacters are dropped.
std::u32string character(uint32_t number) {
    const bool surrogate = number >= 0xD800 && number <= 0xDFFF;
    if (number == 0 || surrogate || number > 0x10FFFF) return U"\uFFFD";
    if (number >= 0x80 && number <= 0x9F) return {windows_1252(number)};
    const bool control = (number < 0x20 && !(number >= 0x09 && number <= 0x0D)) || number == 0x0B || number == 0x7F;
    const bool noncharacter = (number >= 0xFDD0 && number <= 0xFDEF) || (number & 0xFFFE) == 0xFFFE;
    if (control || noncharacter) return {};
    return {static_cast<char32_t>(number)};
}

// A reference at the beginning of some text: what it stands for and how many characters it takes.
struct Reference {
    std::u32string text;
    size_t length;
};

// "#65;" or "#x41;", the semicolon optional; nothing if no digit follows.
std::optional<Reference> numeric_reference(std::u32string_view text) {
    if (!text.starts_with(U'#')) return std::nullopt;
    const bool hex = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
    const size_t start = hex ? 2 : 1;
    const size_t digits = prefix_length(text.substr(start), hex ? is_hex_digit : is_digit);
    if (digits == 0) return std::nullopt;

    uint32_t number = 0;
    for (const char32_t c : text.substr(start, digits)) {
        const uint32_t digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
        number = std::min<uint32_t>(number * (hex ? 16 : 10) + digit, 0x110000);  // beyond Unicode: all the same
    }
    const size_t end = start + digits;
    return Reference{character(number), end + (text.substr(end).starts_with(U';') ? 1 : 0)};
}

// "amp;", or the longest name that needs no semicolon: "ampere" is "&ere".
std::optional<Reference> named_reference(std::u32string_view text) {
    size_t length = prefix_length(
        text, [](char32_t c) { return !ends_name(c); }, kLongestName);
    if (text.substr(length).starts_with(U';')) ++length;
    for (; length > 1; --length) {
        const HtmlEntity* entity = find_entity(kHtmlEntities, text.substr(0, length));
        if (entity) return Reference{std::u32string(entity->str()), length};
    }
    return std::nullopt;
}

std::optional<Reference> reference(std::u32string_view text) {
    return text.starts_with(U'#') ? numeric_reference(text) : named_reference(text);
}

std::optional<Reference> strict_reference(std::u32string_view text) {
    const size_t start = text.starts_with(U'#') ? 1 : 0;
    const size_t letters = prefix_length(text.substr(start), is_alphanumeric, kLongestStrictName);
    const size_t length = start + letters + 1;
    if (letters == 0 || length > text.size() || text[length - 1] != ';') return std::nullopt;

    const std::u32string_view whole = text.substr(0, length);
    if (start == 1) {
        std::optional<Reference> number = numeric_reference(whole);
        return number && number->length == length && number->text != U";" ? number : std::nullopt;
    }
    const HtmlEntity* entity = find_entity(kHtmlEntities, whole);
    if (!entity) entity = find_entity(kUpperCaseEntities, whole);
    return entity ? std::optional(Reference{std::u32string(entity->str()), length}) : std::nullopt;
}

// Replaces every reference that `read` finds behind an ampersand.
std::u32string replace_references(std::u32string_view text, auto read) {
    std::u32string out;
    for (size_t at = 0; at < text.size();) {
        const auto found = text[at] == '&' ? read(text.substr(at + 1)) : std::nullopt;
        out += found ? found->text : std::u32string(1, text[at]);
        at += 1 + (found ? found->length : 0);
    }
    return out;
}

}  // namespace

std::u32string unescape_html(std::u32string_view text) {
    return replace_references(text, reference);
}

std::u32string unescape_html_strict(std::u32string_view text) {
    return replace_references(text, strict_reference);
}

}  // namespace t3video::text
