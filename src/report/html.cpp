// Small translations of text, each on its own.
#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/printable.h"

namespace t3video::report {
namespace {

constexpr const char* kNoNumber = "–";

// C's "2e-05" as papers write it: "2e-5".
std::string with_short_exponent(std::string text) {
    const size_t e = text.find('e');
    if (e == std::string::npos) return text;
    size_t digits = e + 2;
    while (digits + 1 < text.size() && text[digits] == '0') text.erase(digits, 1);
    if (text[e + 1] == '+') text.erase(e + 1, 1);
    return text;
}

}  // namespace

std::string escaped(std::string_view text) {
    std::string page;
    for (const char c : printable(text)) {
        switch (c) {
            case '&':
                page += "&amp;";
                break;
            case '<':
                page += "&lt;";
                break;
            case '>':
                page += "&gt;";
                break;
            case '"':
                page += "&quot;";
                break;
            case '\'':
                page += "&#39;";
                break;
            default:
                page += c;
        }
    }
    return page;
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t count = std::min<size_t>(3, bytes.size() - i);
        uint32_t word = 0;
        for (size_t k = 0; k < 3; ++k) word = word << 8 | (k < count ? static_cast<uint8_t>(bytes[i + k]) : 0u);
        for (size_t k = 0; k < 4; ++k) text += k <= count ? kDigits[word >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

std::string link_to(std::string_view path) {
    std::string link;
    for (const char c : path) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '/';
        if (plain)
            link += c;
        else
            link += fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
    return link;
}

std::string grouped(int64_t number) {
    std::string text = std::to_string(number);
    const size_t first = number < 0 ? 1 : 0;
    for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
    return text;
}

std::string readable(double number) {
    if (!std::isfinite(number)) return kNoNumber;
    const double size = std::abs(number);
    if (size >= 999.5 && size < 1e6) return grouped(std::llround(number));
    return with_short_exponent(fmt::format("{:.3g}", number));
}

std::string readable_in_column(double number) {
    const double size = std::abs(number);
    if (!(size >= 1e-3 && size < 999.5)) return readable(number);
    return fmt::format("{:.{}f}", number, std::max(0, 2 - static_cast<int>(std::floor(std::log10(size)))));
}

std::string readable_duration(double seconds) {
    if (!std::isfinite(seconds) || std::abs(seconds) > 1e12) return kNoNumber;
    const auto whole = static_cast<int64_t>(std::llround(seconds));
    if (seconds < 9.95) return readable(seconds) + " s";
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    if (whole < 48 * 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
    return fmt::format("{} d {:02} h", whole / 86400, whole / 3600 % 24);
}

std::string readable_share(double share) {
    return std::isfinite(share) ? readable(share * 100) + " %" : kNoNumber;
}

std::string readable_change(double share) {
    if (!std::isfinite(share)) return kNoNumber;
    return fmt::format("{}{:.1f} %", share < 0 ? "−" : "+", std::abs(share) * 100);
}

}  // namespace t3video::report
