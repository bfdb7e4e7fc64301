// Patterns over bytes.
#include "text/misread_bytes.h"

#include <array>
#include <cstdint>
#include <span>

#include "text/unicode.h"

namespace t3video::text {
namespace {

// The bytes that one place of a pattern takes: two ranges and a single byte, each empty where first > last.
struct Bytes {
    uint8_t first = 1, last = 0;
    uint8_t first2 = 1, last2 = 0;
    uint8_t also = 0, also2 = 0;  // 0: none

    bool takes(uint8_t b) const {
        return (b >= first && b <= last) || (b >= first2 && b <= last2) || (b != 0 && (b == also || b == also2));
    }
    bool empty() const { return first > last && first2 > last2 && also == 0 && also2 == 0; }
};

constexpr Bytes one(uint8_t b) {
    return {.also = b};
}
constexpr Bytes range(uint8_t first, uint8_t last, uint8_t also = 0, uint8_t also2 = 0) {
    return {.first = first, .last = last, .also = also, .also2 = also2};
}

using Pattern = std::array<Bytes, 6>;

// The length of the pattern where the text begins with it, else 0.
size_t match(std::string_view text, const Pattern& pattern) {
    size_t length = 0;
    for (const Bytes& place : pattern) {
        if (place.empty()) break;
        if (length == text.size() || !place.takes(static_cast<uint8_t>(text[length]))) return 0;
        ++length;
    }
    return length;
}

// Replaces what one of the patterns matches, the first of them that does, by what `replacement` makes of it.
std::string replace(std::string_view text, std::span<const Pattern> patterns, auto replacement) {
    std::string out;
    while (!text.empty()) {
        size_t length = 0;
        for (const Pattern& pattern : patterns) {
            if (length = match(text, pattern); length > 0) break;
        }
        out += length > 0 ? replacement(text.substr(0, length)) : std::string(text.substr(0, 1));
        text.remove_prefix(length > 0 ? length : 1);
    }
    return out;
}

// Continuations. Behind a space or before one, not 0x85, an ellipsis in Windows-1252, nor 0xA0, a space again.
constexpr Bytes kNext = range(0x80, 0xBF), kSpace = one(' '), kLost = one(0x1A),
                kLostOrQuestion = {.also = 0x1A, .also2 = '?'}, kNextOrLost = range(0x80, 0xBF, 0x1A),
                kNextLostOrQuestion = range(0x80, 0xBF, 0x1A, '?');
constexpr Bytes kLow = {.first = 0x80, .last = 0x84, .first2 = 0x86, .last2 = 0x9F},
                kHigh = {.first = 0xA1, .last = 0xBF};
constexpr Bytes kHighSurrogate = range(0xA0, 0xAF), kLowSurrogate = range(0xB0, 0xBF);

// First bytes of characters that are likely before a lost 0xA0: U+00A0, à, Š, Π, Р, the Arabic zero; further scripts;
// emoji.
constexpr Pattern kAltered[] = {
    {one(0xC2), kSpace},
    {one(0xC3), kSpace},
    {one(0xC5), kSpace},
    {one(0xCE), kSpace},
    {one(0xD0), kSpace},
    {one(0xD9), kSpace},
    {range(0xE2, 0xE3), kSpace, kLow},
    {range(0xE2, 0xE3), kSpace, kHigh},
    {range(0xE0, 0xE3), kLow, kSpace},
    {range(0xE0, 0xE3), kHigh, kSpace},
    {one(0xF0), kSpace, kNext, kNext},
    {one(0xF0), kNext, kSpace, kNext},
    {one(0xF0), kNext, kNext, kSpace},
};

constexpr Pattern kLossy[] = {
    {range(0xC2, 0xDF), kLost},
    {range(0xC2, 0xC3), one('?')},
    {one(0xED), kHighSurrogate, kLostOrQuestion, one(0xED), kLowSurrogate, kNextLostOrQuestion},
    {one(0xED), kHighSurrogate, kNextLostOrQuestion, one(0xED), kLowSurrogate, kLostOrQuestion},
    {range(0xE0, 0xEF), kLostOrQuestion, kNextOrLost},
    {range(0xE0, 0xEF), kNextOrLost, kLostOrQuestion},
    {range(0xF0, 0xF4), kLostOrQuestion, kNextOrLost, kNextOrLost},
    {range(0xF0, 0xF4), kNextOrLost, kLostOrQuestion, kNextOrLost},
    {range(0xF0, 0xF4), kNextOrLost, kNextOrLost, kLostOrQuestion},
    {kLost},
};

constexpr Pattern kSurrogates[] = {{one(0xED), kHighSurrogate, kNext, one(0xED), kLowSurrogate, kNext}};

// "Ã " with a word behind it, other than the end of Portuguese "às", "àquele", "àquela", "àquilo".
std::string keep_words(std::string_view bytes) {
    constexpr std::string_view kAlone = "\xC3 ";
    std::string out;
    while (!bytes.empty()) {
        const bool alone = bytes.starts_with(kAlone);
        const std::string_view rest = alone ? bytes.substr(kAlone.size()) : bytes.substr(1);
        bool joined = false;
        for (const std::string_view end : {" ", "quele", "quela", "quilo", "s "}) joined |= rest.starts_with(end);
        if (alone && !joined) {
            out += "\xC3\xA0 ";
        } else {
            out += bytes.substr(0, bytes.size() - rest.size());
        }
        bytes = rest;
    }
    return out;
}

uint32_t bits(std::string_view bytes, size_t at, uint32_t mask) {
    return static_cast<uint8_t>(bytes[at]) & mask;
}

}  // namespace

std::string restore_no_break_spaces(std::string_view bytes) {
    return replace(keep_words(bytes), kAltered, [](std::string_view found) {
        std::string restored(found);
        for (char& c : restored) c = c == ' ' ? '\xA0' : c;
        return restored;
    });
}

std::string replace_lossy_sequences(std::string_view bytes) {
    return replace(bytes, kLossy, [](std::string_view) { return std::string("\uFFFD"); });
}

std::optional<std::u32string> decode_utf8_variants(std::string_view bytes) {
    // Those of surrogates as the four bytes they should be.
    const std::string joined = replace(bytes, kSurrogates, [](std::string_view b) {
        const char32_t c =
            0x10000 + (bits(b, 1, 0x0F) << 16) + (bits(b, 2, 0x3F) << 10) + (bits(b, 4, 0x0F) << 6) + bits(b, 5, 0x3F);
        return encode_utf8({&c, 1});
    });
    std::u32string text;
    for (size_t at = 0; at < joined.size();) {
        const std::string_view rest = std::string_view(joined).substr(at);
        if (rest.starts_with("\xC0\x80")) {
            text += U'\0';
            at += 2;
            continue;
        }
        const auto [c, length] = first_of_utf8(rest);
        if (length == 0) return std::nullopt;
        text += c;
        at += length;
    }
    return text;
}

}  // namespace t3video::text
