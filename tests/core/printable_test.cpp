// What must not reach a terminal, and what must stay.
#include "core/printable.h"

#include <gtest/gtest.h>

namespace t3video {
namespace {

TEST(Printable, TextStays) {
    for (const char* text : {"", "A red ball.", "\"quotes\" \\ %s", "ä ß 水 – \xF0\x9F\x90\x88", "\xC2\xA0\xC2\xAD",
                             "\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF", "\xE2\x80\x8D"})
        EXPECT_EQ(printable(text), text);
}

TEST(Printable, ControlCharactersBecomeVisible) {
    EXPECT_EQ(printable("\x1b]0;PWN\a\x1b[2Jx"), R"(\x1b]0;PWN\x07\x1b[2Jx)");
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), R"(a\x00b)");
    EXPECT_EQ(printable("one\ntwo\r\n\tthree\x7f"), R"(one two   three\x7f)");
    EXPECT_EQ(printable("\xC2\x80 \xC2\x9B\x32J \xC2\x9F"), R"(\u0080 \u009b2J \u009f)");
    EXPECT_EQ(printable("a\xE2\x80\xAEgpj.exe\xE2\x81\xA9\xE2\x80\xA8"), R"(a\u202egpj.exe\u2069\u2028)");
    for (char c = 0; c < ' '; ++c) {
        for (const char shown : printable(std::string(1, c))) EXPECT_TRUE(shown >= ' ' && shown < 0x7f) << int{c};
    }
}

TEST(Printable, BytesThatAreNoUtf8BecomeVisible) {
    EXPECT_EQ(printable("\x9b"
                        "2J"),
              R"(\x9b2J)");                                           // C1 of a terminal without UTF-8
    EXPECT_EQ(printable("\xC0\x9B"), R"(\xc0\x9b)");                  // overlong
    EXPECT_EQ(printable("\xE0\x80\x9B"), R"(\xe0\x80\x9b)");          // overlong
    EXPECT_EQ(printable("\xF0\x80\x80\x9B"), R"(\xf0\x80\x80\x9b)");  // overlong
    EXPECT_EQ(printable("\xED\xA0\x80"), R"(\xed\xa0\x80)");          // half of a surrogate pair
    EXPECT_EQ(printable("\xF4\x90\x80\x80"), R"(\xf4\x90\x80\x80)");  // beyond the last
    EXPECT_EQ(printable("\xE6\xB0"), R"(\xe6\xb0)");                  // ends early
    EXPECT_EQ(printable("\xE6x\xFF"), R"(\xe6x\xff)");
}

}  // namespace
}  // namespace t3video
