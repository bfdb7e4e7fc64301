// Code points, normal forms and character classes, on utf8proc.
#include "text/unicode.h"

#include <utf8proc.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "core/error.h"

namespace t3video::text {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// The 32 places from 0x80 on.
constexpr std::array<char32_t, 32> kWindows1252 = {0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                   0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
                                                   0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                   0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

const utf8proc_uint8_t* bytes(std::string_view utf8) {
    return reinterpret_cast<const utf8proc_uint8_t*>(utf8.data());
}

std::u32string normalize(std::u32string_view text, int options) {
    const std::string utf8 = encode_utf8(text);
    utf8proc_uint8_t* mapped = nullptr;
    const utf8proc_ssize_t size = utf8proc_map(bytes(utf8), static_cast<utf8proc_ssize_t>(utf8.size()), &mapped,
                                               static_cast<utf8proc_option_t>(options));
    require(size >= 0, "utf8proc_map: ", utf8proc_errmsg(size));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
    return decode_utf8({reinterpret_cast<const char*>(mapped), static_cast<size_t>(size)});
}

}  // namespace

std::pair<char32_t, size_t> first_of_utf8(std::string_view utf8) {
    utf8proc_int32_t c = 0;
    const utf8proc_ssize_t used = utf8proc_iterate(bytes(utf8), static_cast<utf8proc_ssize_t>(utf8.size()), &c);
    return used > 0 ? std::pair(static_cast<char32_t>(c), static_cast<size_t>(used))
                    : std::pair(char32_t{0}, size_t{0});
}

std::u32string decode_utf8(std::string_view utf8) {
    std::u32string text;
    text.reserve(utf8.size());
    while (!utf8.empty()) {
        const auto [c, length] = first_of_utf8(utf8);
        text += length > 0 ? c : kReplacement;
        utf8.remove_prefix(length > 0 ? length : 1);
    }
    return text;
}

std::string encode_utf8(std::u32string_view text) {
    std::string utf8;
    utf8.reserve(text.size());
    for (const char32_t c : text) {
        std::array<utf8proc_uint8_t, 4> code{};
        const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), code.data());
        utf8.append(reinterpret_cast<const char*>(code.data()), static_cast<size_t>(size));
    }
    return utf8;
}

std::u32string nfc(std::u32string_view text) {
    return normalize(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::u32string nfkc(char32_t c) {
    return normalize({&c, 1}, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
}

char32_t windows_1252(char32_t c1) {
    require(c1 >= 0x80 && c1 <= 0x9F, "windows_1252: expected U+0080..U+009F, found ", static_cast<uint32_t>(c1));
    return kWindows1252[c1 - 0x80];
}

bool is_decimal_digit(char32_t c) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ND;
}

bool is_word(char32_t c) {
    const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    const bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
    const bool number = category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
    return letter || number || c == '_';
}

bool is_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

}  // namespace t3video::text
