// Prompt cleaning: the steps of ftfy, HTML references, white space.
#include "text/clean.h"

#include <algorithm>

#include "text/html.h"
#include "text/mojibake.h"
#include "text/unicode.h"

namespace t3video::text {
namespace {

constexpr char32_t kEscape = 0x1B;

// Appends to `out` what `c` is replaced by.
using Replace = void (*)(char32_t c, std::u32string& out);

std::u32string replace_each(std::u32string_view text, Replace replace) {
    std::u32string out;
    out.reserve(text.size());
    for (const char32_t c : text) replace(c, out);
    return out;
}

// Typographic ligatures, and digraphs that are one character only for the sake of old encodings.
void latin_ligature(char32_t c, std::u32string& out) {
    switch (c) {
        case 0x0132:
            out += U"IJ";
            break;
        case 0x0133:
            out += U"ij";
            break;
        case 0x0149:
            out += U"\u02BCn";
            break;
        case 0x01C4:
            out += U"D\u017D";
            break;
        case 0x01C5:
            out += U"D\u017E";
            break;
        case 0x01C6:
            out += U"d\u017E";
            break;
        case 0x01C7:
            out += U"LJ";
            break;
        case 0x01C8:
            out += U"Lj";
            break;
        case 0x01C9:
            out += U"lj";
            break;
        case 0x01CA:
            out += U"NJ";
            break;
        case 0x01CB:
            out += U"Nj";
            break;
        case 0x01CC:
            out += U"nj";
            break;
        case 0x01F1:
            out += U"DZ";
            break;
        case 0x01F2:
            out += U"Dz";
            break;
        case 0x01F3:
            out += U"dz";
            break;
        case 0xFB00:
            out += U"ff";
            break;
        case 0xFB01:
            out += U"fi";
            break;
        case 0xFB02:
            out += U"fl";
            break;
        case 0xFB03:
            out += U"ffi";
            break;
        case 0xFB04:
            out += U"ffl";
            break;
        case 0xFB05:
            out += U"\u017Ft";
            break;
        case 0xFB06:
            out += U"st";
            break;
        default:
            out += c;
    }
}

// Full-width Latin and half-width kana and hangul get their usual form.
void character_width(char32_t c, std::u32string& out) {
    if (c == 0x3000) {
        out += U' ';
    } else if (c >= 0xFF01 && c <= 0xFFEF) {
        out += nfkc(c);
    } else {
        out += c;
    }
}

void straight_quote(char32_t c, std::u32string& out) {
    const bool single = c == 0x02BC || (c >= 0x2018 && c <= 0x201B);
    const bool pair = c >= 0x201C && c <= 0x201F;
    out += single ? U'\'' : pair ? U'"' : c;
}

// A carriage return before a line feed leaves the line to it.
std::u32string fix_line_breaks(std::u32string_view text) {
    std::u32string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        const char32_t c = text[i];
        if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
        out += c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029 ? U'\n' : c;
    }
    return out;
}

// Length of an escape sequence such as ESC[1;31m at the beginning of the text; 0 if there is none.
size_t terminal_escape_length(std::u32string_view text) {
    if (text.size() < 3 || text[0] != kEscape || text[1] != '[') return 0;
    size_t at = 2;
    while (at < text.size() && (text[at] == ';' || is_decimal_digit(text[at]))) ++at;
    if (at == text.size()) return 0;
    const char32_t lower = text[at] | 0x20;
    return lower >= 'a' && lower <= 'z' ? at + 1 : 0;
}

std::u32string remove_terminal_escapes(std::u32string_view text) {
    std::u32string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const size_t length = terminal_escape_length(text);
        if (length == 0) out += text[0];
        text.remove_prefix(std::max<size_t>(length, 1));
    }
    return out;
}

// Tab, line feed, form feed and carriage return stay; so do marks that shape text, such as joiners.
void drop_control(char32_t c, std::u32string& out) {
    const bool ascii = c <= 0x08 || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F;
    const bool deprecated_arabic = c >= 0x206A && c <= 0x206F;
    const bool byte_order_mark = c == 0xFEFF;
    const bool annotation_or_object = c >= 0xFFF9 && c <= 0xFFFC;
    if (!ascii && !deprecated_arabic && !byte_order_mark && !annotation_or_object) out += c;
}

// One step can make work for another ("&amp;lt;"), so all repeat until nothing changes.
std::u32string fix_line(std::u32string line, bool unescape) {
    for (;;) {
        std::u32string fixed = unescape ? unescape_html_strict(line) : line;
        fixed = without_c1_controls(repair_mojibake(fixed));
        for (const Replace replace : {latin_ligature, character_width, straight_quote}) {
            fixed = replace_each(fixed, replace);
        }
        fixed = remove_terminal_escapes(fix_line_breaks(fixed));
        fixed = nfc(replace_each(fixed, drop_control));
        if (fixed == line) return fixed;
        line = std::move(fixed);
    }
}

// A "<" says that the text is HTML on purpose: from its line on, references are left alone.
std::u32string fix_text(std::u32string_view text) {
    std::u32string out;
    bool unescape = true;
    while (!text.empty()) {
        const size_t end = std::min(text.find(U'\n'), text.size() - 1) + 1;
        const std::u32string_view line = text.substr(0, end);
        unescape = unescape && line.find(U'<') == std::u32string_view::npos;
        out += fix_line(std::u32string(line), unescape);
        text.remove_prefix(end);
    }
    return out;
}

std::u32string collapse_spaces(std::u32string_view text) {
    std::u32string out;
    bool gap = false;
    for (const char32_t c : text) {
        if (is_space(c)) {
            gap = true;
            continue;
        }
        if (gap && !out.empty()) out += U' ';
        out += c;
        gap = false;
    }
    return out;
}

}  // namespace

std::string clean_prompt(std::string_view utf8) {
    const std::u32string fixed = fix_text(decode_utf8(utf8));
    return encode_utf8(collapse_spaces(unescape_html(unescape_html(fixed))));
}

}  // namespace t3video::text
