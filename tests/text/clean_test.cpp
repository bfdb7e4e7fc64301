// Prompt cleaning against a table of what ftfy 6.3 and Python's html.unescape make of the same text.
#include "text/clean.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace t3video::text {
namespace {

using namespace std::string_view_literals;

struct CleanCase {
    const char* name;
    std::string_view prompt, cleaned;
};

const CleanCase kCleanCases[] = {
    {"plain", "A red ball drifts left over green hills."sv, "A red ball drifts left over green hills."sv},
    {"empty", ""sv, ""sv},
    {"only_space", " \t\u3000\n"sv, ""sv},
    {"negative_prompt",
     "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"sv,
     "色调艳丽,过曝,静态,细节模糊不清,字幕,风格,作品,画作,画面,静止,整体发灰,最差质量,低质量,JPEG压缩残留,丑陋的,残缺的,多余的手指,画得不好的手部,画得不好的脸部,畸形的,毁容的,形态畸形的肢体,手指融合,静止不动的画面,杂乱的背景,三条腿,背景人很多,倒着走"sv},
    {"reference", "fish &amp; chips"sv, "fish & chips"sv},
    {"reference_in_reference", "&amp;lt;b&amp;gt;"sv, "<b>"sv},
    {"tag_as_references", "&lt;b&gt;"sv, "<b>"sv},
    {"references_after_tag", "<i>&amp;amp;lt;</i>"sv, "<i>&lt;</i>"sv},
    {"tag_in_an_earlier_line", "<p>\n&amp;amp;amp;lt;"sv, "<p> &amp;lt;"sv},
    {"tag_in_a_later_line", "&amp;amp;amp;lt;\n<p>"sv, "< <p>"sv},
    {"four_deep_reference", "&amp;amp;amp;amp;lt;"sv, "<"sv},
    {"reference_without_semicolon", "this&not that &ampere &notit; &notin;"sv,
     "this\u00AC that &ere \u00ACit; \u2209"sv},
    {"unknown_reference", "&bogus; &#xyz; & &; &#;"sv, "&bogus; &#xyz; & &; &#;"sv},
    {"capital_reference", "P&EACUTE;REZ &SZLIG; &FFILIG;"sv, "P\u00C9REZ SS FFI"sv},
    {"capital_reference_after_tag", "< P&EACUTE;REZ"sv, "< P&EACUTE;REZ"sv},
    {"long_reference", "&CounterClockwiseContourIntegral;"sv, "\u2233"sv},
    {"two_character_reference", "&fjlig; &NotEqualTilde;"sv, "fj \u2242\u0338"sv},
    {"numeric_references", "&#72;&#x69;&#X21; &#x1F3A5; &#65"sv, "Hi! 🎥 A"sv},
    {"numeric_reference_windows_1252", "&#x80;5 &#150; &#x85; &#x81;x"sv, "\u20AC5 \u2013 \u2026 \u0081x"sv},
    {"numeric_reference_out_of_range", "&#0;&#xD83D;&#x110000;&#99999999999999999999;"sv, "\uFFFD\uFFFD\uFFFD\uFFFD"sv},
    {"numeric_reference_dropped", "a&#1;b&#xFFFE;c&#xFDD0;d&#127;e"sv, "abcde"sv},
    {"reference_for_semicolon", "&#59; < &#59;"sv, "; < ;"sv},
    {"reference_to_space", "a&nbsp;b&#13;c&#9;d&emsp;e"sv, "a b c d e"sv},
    {"reference_to_quote", "&ldquo;x&rdquo; &#8217;"sv, "\"x\" '"sv},
    {"quote_behind_tag", "<i> &ldquo;x&rdquo;"sv, "<i> \u201Cx\u201D"sv},
    {"ligatures", "\uFB00\uFB01\uFB02\uFB03\uFB04\uFB05\uFB06 o\uFB03ce"sv, "fffiflffiffl\u017Ftst office"sv},
    {"digraphs", "\u0132\u0133 \u01C4\u01C5\u01C6 \u01C7\u01C8\u01C9 \u01CA\u01CB\u01CC \u01F1\u01F2\u01F3"sv,
     "IJij D\u017DD\u017Ed\u017E LJLjlj NJNjnj DZDzdz"sv},
    {"afrikaans_article", "\u0149 hond"sv, "'n hond"sv},
    {"intended_ligatures_stay", "\u00E6 \u0153 \u00DF \uFB13"sv, "\u00E6 \u0153 \u00DF \uFB13"sv},
    {"quotes", "\u201CLook\u201D \u2018it\u2019s\u201A \u201B\u02BC \u201E\u201F\u00AB\u2033"sv,
     "\"Look\" 'it's' '' \"\"\u00AB\u2033"sv},
    {"full_width_ascii", "\uFF21\uFF22\uFF23\uFF11\uFF12\uFF13\uFF01\uFF08\uFF09\uFF5E"sv, "ABC123!()~"sv},
    {"half_width_katakana", "\uFF76\uFF9E\uFF97\uFF7D \uFF8A\uFF9F\uFF9D"sv, "\u30AC\u30E9\u30B9 \u30D1\u30F3"sv},
    {"half_width_hangul_and_signs", "\uFFA1\uFFE9 \uFFE0\uFFE1\uFFE6 \uFFE3"sv,
     "\u1100\u2190 \u00A2\u00A3\u20A9 \u0304"sv},
    {"cjk_punctuation_stays", "猫。犬、「鳥」"sv, "猫。犬、「鳥」"sv},
    {"other_compatibility_forms_stay", "10\u00B3 \u2460 \u2122 \u00BD \u2026"sv,
     "10\u00B3 \u2460 \u2122 \u00BD \u2026"sv},
    {"composition", "e\u0301 A\u030A o\u0323\u0302 \u1112\u1161\u11AB"sv, "\u00E9 \u00C5 \u1ED9 \uD55C"sv},
    {"reordering", "a\u0301\u0323"sv, "\u1EA1\u0301"sv},
    {"singletons", "\u212B \u2126 \u212A"sv, "\u00C5 Ω K"sv},
    {"composition_exclusion", "\u0958 \U0001D15E"sv, "\u0915\u093C \U0001D157\U0001D165"sv},
    {"terminal_escapes", "\033[1;31mred\033[0m \033[2J\033[Kball"sv, "red ball"sv},
    {"unfinished_terminal_escapes", "\033[12 \033] \033[;"sv, "[12 ] [;"sv},
    {"c1_controls", "\u0080 \u0085 \u0093x\u0094 \u0099 a\u0081b"sv, "\u20AC \u2026 \"x\" \u2122 a\u0081b"sv},
    {"line_breaks", "a\r\nb\rc\u2028d\u2029e\n\n\nf"sv, "a b c d e f"sv},
    {"control_characters", "a\000b\001\010c\013d\016e\037f\177g"sv, "abcdefg"sv},
    {"invisible_marks", "\uFEFFa\u206Ab\uFFF9c\uFFFBd\uFFFCe"sv, "abcde"sv},
    {"joiners_stay", "a\u200Db\u200Ec\u200B"sv, "a\u200Db\u200Ec\u200B"sv},
    {"emoji", "👩\u200D🚀 🎥 ❤\uFE0F \U0001F1EB\U0001F1F7"sv, "👩\u200D🚀 🎥 ❤\uFE0F \U0001F1EB\U0001F1F7"sv},
    {"white_space", " \u00A0a \u3000 b\t\n c\u2003\u202Fd\u205Fe\u1680f\f "sv, "a b c d e f"sv},
    {"separators_stay_words", "a\034b&#28;c"sv, "abc"sv},
    {"steps_meet", "\uFF06amp;lt;\033\000[31mx \uFF06\uFF4C\uFF44\uFF51\uFF55\uFF4F\uFF1B"sv, "<[31mx \""sv},
    {"devanagari", "\u0939\u093F\u0928\u094D\u0926\u0940"sv, "\u0939\u093F\u0928\u094D\u0926\u0940"sv},
    {"chinese", "一只红色的气球在绿色的山丘上飘过"sv, "一只红色的气球在绿色的山丘上飘过"sv},
};

class CleanPrompt : public testing::TestWithParam<CleanCase> {};

TEST_P(CleanPrompt, GivesTheReferenceText) {
    EXPECT_EQ(clean_prompt(GetParam().prompt), GetParam().cleaned);
}

INSTANTIATE_TEST_SUITE_P(Table, CleanPrompt, testing::ValuesIn(kCleanCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(CleanPromptBytes, InvalidUtf8BecomesReplacementCharacters) {
    EXPECT_EQ(clean_prompt("a\xFFz"), "a\uFFFDz");
    EXPECT_EQ(clean_prompt("cut \xE2\x82"), "cut \uFFFD\uFFFD");
    EXPECT_EQ(clean_prompt("long \xC0\xAF form"), "long \uFFFD\uFFFD form");
    EXPECT_EQ(clean_prompt("surrogate \xED\xA0\xBD"), "surrogate \uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(clean_prompt("beyond \xF4\x90\x80\x80"), "beyond \uFFFD\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(clean_prompt("\xF4\x8F\xBF\xBD"), "\U0010FFFD");
}

// What programs make of texts whose encoding they took for another, and texts that only look so.
TEST(CleanPromptTable, GivesTheReferencesTextsAndIds) {
    const Tokenizer tokenizer(T3VIDEO_TEST_DATA "/golden/tokenizer/spiece.model");
    std::ifstream in(T3VIDEO_TEST_DATA "/text/prompts.json");
    const auto rows = nlohmann::json::parse(in);
    ASSERT_GE(rows.size(), 150u);
    for (const auto& row : rows) {
        const auto prompt = row.at("prompt").get<std::string>();
        const std::string cleaned = clean_prompt(prompt);
        EXPECT_EQ(cleaned, row.at("cleaned").get<std::string>()) << prompt;
        EXPECT_EQ(tokenizer.encode(cleaned), row.at("ids").get<std::vector<int32_t>>()) << prompt;
    }
}

TEST(CleanPromptTable, GoodTextStays) {
    for (const char* text : {"café", "Ångström", "À la carte", "10 ½ × 3 °C", "Łódź", "Привет", "日本語", "¿Qué?"})
        EXPECT_EQ(clean_prompt(text), text);
}

}  // namespace
}  // namespace t3video::text
