// The loop over code pages.
#include "text/mojibake.h"

#include <algorithm>

#include "text/code_pages.h"
#include "text/misread.h"
#include "text/misread_bytes.h"
#include "text/unicode.h"

namespace t3video::text {
namespace {

// The whole text, written in one page and read as UTF-8.
std::optional<std::u32string> reread(std::u32string_view text, const CodePage& page) {
    std::optional<std::string> bytes = encode(text, page);
    if (!bytes) return std::nullopt;
    // An en dash and a space in Mac Roman look like a lost U+00A0.
    if (page.name != "macroman") bytes = restore_no_break_spaces(*bytes);
    if (page.lossy) bytes = replace_lossy_sequences(*bytes);
    return decode_utf8_variants(*bytes);
}

// The length of the longest run of sequences at the beginning of the text that could be UTF-8 misread.
size_t misread_run(std::u32string_view text) {
    size_t length = 0;
    const auto continues = [&](size_t count) {
        const std::u32string_view rest = text.substr(length);
        return rest.size() > count &&
               std::ranges::all_of(rest.substr(1, count), [](char32_t c) { return utf8_part_of(c).next; });
    };
    while (length < text.size()) {
        const Utf8Part part = utf8_part_of(text[length]);
        if (part.first_of_2 && continues(1)) {
            length += 2;
        } else if (part.first_of_3 && continues(2)) {
            length += 3;
        } else if (part.first_of_4 && continues(3)) {
            length += 4;
        } else {
            break;
        }
    }
    return length;
}

// Runs behind a continuation are part of a larger garble, which repairing a few characters would not help.
std::u32string repair_runs(std::u32string_view text) {
    std::u32string out;
    for (size_t at = 0; at < text.size();) {
        const bool amid = at > 0 && utf8_part_of(text[at - 1]).surely_next;
        const size_t length = amid ? 0 : misread_run(text.substr(at));
        const std::u32string_view run = text.substr(at, std::max<size_t>(length, 1));
        const bool whole = run.size() == text.size();
        out += length > 0 && !whole && looks_misread(run) ? repair_mojibake(run) : std::u32string(run);
        at += run.size();
    }
    return out;
}

std::u32string repair_once(std::u32string_view text) {
    if (!looks_misread(text)) return std::u32string(text);
    for (const CodePage& page : code_pages()) {
        if (auto repaired = reread(text, page)) return *repaired;
    }
    std::u32string repaired = repair_runs(text);
    return repaired != text ? repaired : without_c1_controls(text);
}

}  // namespace

std::u32string repair_mojibake(std::u32string_view text) {
    std::u32string current(text);
    for (;;) {
        std::u32string repaired = repair_once(current);
        if (repaired == current) return repaired;
        current = std::move(repaired);
    }
}

std::u32string without_c1_controls(std::u32string_view text) {
    std::u32string out(text);
    for (char32_t& c : out) c = c >= 0x80 && c <= 0x9F ? windows_1252(c) : c;
    return out;
}

}  // namespace t3video::text
