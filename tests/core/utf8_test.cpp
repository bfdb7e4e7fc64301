// Texts and bytes that are none.
#include "core/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace t3video {
namespace {

TEST(Utf8, TextsAreTexts) {
    for (const char* text :
         {"", "A red ball.\r\n\tnext", "Été", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"})
        EXPECT_TRUE(is_utf8_text(text)) << text;
}

TEST(Utf8, OthersAreNone) {
    for (const char* text : {"a\xE9 ", "a\x80", "a\xC0\xAF", "a\xE0\x80\xAF", "a\xED\xA0\x80", "a\xF4\x90\x80\x80",
                             "a\xF8\x88\x80\x80\x80", "a\xE2\x82", "a\x1B[0m", "a\x7F"})
        EXPECT_EQ(first_non_text(text), 1u) << text;
    EXPECT_EQ(first_non_text(std::string_view("ab\0c", 4)), 2u);
}

}  // namespace
}  // namespace t3video
