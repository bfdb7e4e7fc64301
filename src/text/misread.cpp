// Rules over classes of characters: which of them do not stand side by side in text as people mean it.
#include "text/misread.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "text/unicode.h"

namespace t3video::text {
namespace {

// A run of characters, and the classes they are in, one bit each.
struct ClassRun {
    char32_t first, last;
    uint32_t classes;
};

#include "text/mojibake_classes.inc"

// Further classes, which hold for characters of ASCII and all others too.
constexpr uint32_t kLatinLower = 1u << 20, kLatinUpper = 1u << 21, kSpace = 1u << 22, kWord = 1u << 23, kAny = 1u << 24,
                   kNotLatin = 1u << 25;
constexpr uint32_t kLatin = kLatinLower | kLatinUpper;

uint32_t classes_of(char32_t c) {
    const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
    uint32_t classes = lower ? kLatinLower : upper ? kLatinUpper : kNotLatin;
    if (c != '\n') classes |= kAny;
    if (is_space(c)) classes |= kSpace;
    if (is_word(c)) classes |= kWord;
    const auto run = std::ranges::lower_bound(kClassRuns, c, {}, &ClassRun::last);
    return run != std::end(kClassRuns) && run->first <= c ? classes | run->classes : classes;
}

// One place of a rule: characters of these classes, and these.
struct Place {
    uint32_t classes = 0;
    std::u32string_view characters = {};

    bool takes(char32_t c, uint32_t its_classes) const {
        return (classes & its_classes) != 0 || characters.find(c) != std::u32string_view::npos;
    }
    bool empty() const { return classes == 0 && characters.empty(); }
};

// Places side by side; `begins`: at the beginning of the text only.
struct Rule {
    std::array<Place, 7> places;
    bool begins = false;
};

constexpr uint32_t kAccented = kLowerAccented | kUpperAccented;
constexpr uint32_t kPunctuation = kStartPunctuation | kEndPunctuation;
constexpr uint32_t kBesideBad = kAccented | kBox | kPunctuation | kCurrency | kNumeric | kLaw;
constexpr uint32_t kAfterCapital = kC1 | kBad | kPunctuation | kCurrency;
// What follows the first byte of an Arabic letter in Windows-1252; each alone is common, so two of them are asked for.
constexpr Place kArabicFirst{0, U"ØÙ"};
constexpr Place kArabicNext{kCommon | kCurrency | kBad | kNumeric | kStartPunctuation, U"ŸŠ®°\u00B5»"};

constexpr Rule kRules[] = {
    // Classes that do not go together.
    {{{{kC1}}}},
    {{{{kBesideBad | kBad}, {kBad}}}},
    {{{{kLatin}, {kLowerCommon | kUpperCommon}, {kBad}}}},
    {{{{kBad}, {kBesideBad}}}},
    {{{{kLowerAccented | kLowerCommon | kBox | kEndPunctuation | kCurrency | kNumeric}, {kUpperAccented}}}},
    {{{{kBox | kEndPunctuation | kCurrency | kNumeric}, {kLowerAccented}}}},
    {{{{kLowerAccented | kBox | kEndPunctuation}, {kCurrency}}}},
    {{{{kSpace}, {kUpperAccented}, {kCurrency}}}},
    {{{{kUpperAccented | kBox}, {kNumeric | kLaw}}}},
    {{{{kAccented | kBox | kCurrency | kEndPunctuation}, {kStartPunctuation}, {kNumeric}}}},
    {{{{kAccented | kCurrency | kNumeric | kBox | kLaw}, {kEndPunctuation}, {kStartPunctuation}}}},
    {{{{kCurrency | kNumeric | kBox}, {kStartPunctuation}}}},
    {{{{kLatinLower}, {kUpperAccented}, {kStartPunctuation | kCurrency}}}},
    {{{{kBox}, {kKaomoji | kEndPunctuation}}}},
    {{{{kAccented | kCurrency | kNumeric | kPunctuation | kLaw}, {kBox}}}},
    {{{{kAccented}, {kPunctuation}, {kWord}}}},
    {{{{0, U"Œœ"}, {kNotLatin}}}},
    {{{{kUpperAccented}, {0, U"°"}}}},
    // UTF-8 in Windows-1252: Latin, Arabic, scripts of South Asia, "à" with its second half made a space.
    {{{{0, U"ÂÃÎÐ"}, {kPunctuation, U"€œŠš¢£Ÿž\u00A0\u00AD®©°·»–—´"}}}},
    {{{{0, U"×"}, {0, U"²³"}}}},
    {{{kArabicFirst, kArabicNext, kArabicFirst, kArabicNext}}},
    {{{{0, U"à"}, {0, U"²\u00B5¹¼½¾"}}}},
    {{{{0, U"Ã"}, {0, U"\u00A0¡"}}}},
    {{{{kLatinLower}, {0, U"ÃÂ"}, {0, U" "}}}},
    {{{{kLatinLower}, {kSpace}, {0, U"ÃÂ"}, {0, U" "}}}},
    {{{{0, U"ÃÂ"}, {0, U" "}}}, true},
    {{{{kLatinLower | kEndPunctuation, U".,?!"}, {0, U"Â"}, {kPunctuation, U" "}}}},
    // In Mac Roman.
    {{{{0, U"√"}, {0, U"±∂†≠®™´≤≥¥\u00B5ø"}}}},
    {{{{0, U"≈"}, {0, U"°¢"}}}},
    {{{{0, U"‚"}, {0, U"Ä"}, {0, U"ìîïòôúùû†°¢π"}}}},
    {{{{0, U"‚"}, {0, U"âó"}, {0, U"àä°ê"}}}},
    // In Windows-1251, twice there in the last; in Windows-1253; in Windows-1257.
    {{{{0, U"в"}, {0, U"Ђ"}}}},
    {{{{0, U"ВГРС"}, {kAfterCapital, U"°\u00B5"}, {0, U"ВГРС"}}}},
    {{{{0, U"Г"}, {0, U"ў"}, {0, U"В"}, {0, U"Ђ"}, {0, U"В"}, {kAny}, {kLatin, U" "}}}},
    {{{{0, U"β"}, {0, U"€"}, {0, U"™\u00A0Ά\u00AD®°"}}}},
    {{{{0, U"ΒΓΞΟ"}, {kAfterCapital, U"°"}, {0, U"ΒΓΞΟ"}}}},
    {{{{0, U"ā"}, {0, U"€"}}}},
};

bool holds(const Rule& rule, std::u32string_view text) {
    for (const Place& place : rule.places) {
        if (place.empty()) return true;
        if (text.empty() || !place.takes(text[0], classes_of(text[0]))) return false;
        text.remove_prefix(1);
    }
    return true;
}

}  // namespace

bool looks_misread(std::u32string_view text) {
    for (size_t at = 0; at < text.size(); ++at) {
        const uint32_t classes = classes_of(text[at]);
        for (const Rule& rule : kRules) {
            const bool first = rule.places[0].takes(text[at], classes) && (at == 0 || !rule.begins);
            if (first && holds(rule, text.substr(at))) return true;
        }
    }
    return false;
}

}  // namespace t3video::text
