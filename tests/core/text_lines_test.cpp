// Lines of texts, whatever system they come from.
#include "core/text_lines.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace t3video {
namespace {

TEST(TextLines, EndAsOnAnySystem) {
    std::vector<std::pair<int64_t, std::string>> found;
    for (const TextLine& line : lines_of("a\r\n\r\n \t b \r c\n\n\v\nd")) found.emplace_back(line.number, line.text);
    EXPECT_EQ(found, (std::vector<std::pair<int64_t, std::string>>{{1, "a"}, {3, "b"}, {4, "c"}, {7, "d"}}));
    EXPECT_TRUE(lines_of("").empty());
    EXPECT_EQ(trimmed(" \r\n"), "");
}

TEST(TextLines, MarksGo) {
    EXPECT_EQ(without_mark("\xEF\xBB\xBFone", "list.txt"), "one");
    EXPECT_EQ(without_mark("one", "list.txt"), "one");
    for (const char* wide : {"\xFF\xFEo", "\xFE\xFFo"}) {
        try {
            without_mark(wide, "list.txt");
            ADD_FAILURE() << "taken";
        } catch (const InvalidRequest& error) {
            EXPECT_STREQ(error.what(), "list.txt: is UTF-16; save it as UTF-8");
        }
    }
}

}  // namespace
}  // namespace t3video
