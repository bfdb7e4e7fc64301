// t3-layout.json: what is read, and what is refused.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/errors.h"
#include "support/files.h"
#include "t3/window_layout.h"

namespace t3video::t3 {
namespace {

using namespace testing;

TEST(LayoutFile, ReadsGridAndCounts) {
    const TemporaryFolder folder;
    const auto path =
        write_file(folder / "layout.json", R"({"window_counts": [[3,1,1], [1, 4, 6]], "grid": [3, 8, 12], "note": 1})");
    const WindowLayout layout = read_layout(path);
    EXPECT_EQ(layout.grid, (Grid{3, 8, 12}));
    EXPECT_EQ(layout.patterns, (std::vector<Pattern>{{3, 1, 1}, {1, 4, 6}}));
}

TEST(LayoutFile, SaysWhatIsWrongWithTheText) {
    const TemporaryFolder folder;
    const auto refuses = [&](const std::string& text, const std::string& why) {
        const auto path = write_file(folder / "layout.json", text);
        expect_invalid([&] { read_layout(path); }, {path.string() + ": " + why});
    };
    const std::string expected = R"(expected {"grid": [T, H, W], "window_counts")";
    refuses("", "is empty; " + expected);
    refuses(" \n", "is empty; " + expected);
    refuses("{\"grid\": [1, 2", "no valid JSON; " + expected);
    refuses("3 8 12", "no valid JSON; " + expected);
    refuses("[]", expected);
    refuses("version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not a window layout");
    refuses("<!DOCTYPE html>", "is an HTML or XML page");
}

TEST(LayoutFile, ReadsShiftsAndSchedule) {
    const TemporaryFolder folder;
    const auto path = write_file(folder / "layout.json", R"({"grid": [3, 8, 12], "window_counts": [[3,1,1], [1, 4, 6]],
                                                             "shift": [[0, 3, 0], [2, 1, 1]], "schedule": [1, 0, 1]})");
    const WindowLayout layout = read_layout(path);
    EXPECT_EQ(layout.patterns, (std::vector<Pattern>{{3, 1, 1, {0, 3, 0}}, {1, 4, 6, {2, 1, 1}}}));
    EXPECT_EQ(layout.schedule, (std::vector<int64_t>{1, 0, 1}));
    EXPECT_EQ(layout.of_layer(3), layout.patterns[1]);
    EXPECT_EQ(layout.of_layer(4), layout.patterns[0]);
}

TEST(LayoutFile, ReadsBranchesOfAllPatternsOrOfEach) {
    const TemporaryFolder folder;
    const auto with = [&](const std::string& branches) {
        return read_layout(
            write_file(folder / "layout.json",
                       R"({"grid": [3, 8, 12], "window_counts": [[3,1,1], [1, 4, 6]], "branches": )" + branches + "}"));
    };
    EXPECT_EQ(with("\"remote\"").patterns,
              (std::vector<Pattern>{{3, 1, 1, {}, Branches::remote}, {1, 4, 6, {}, Branches::remote}}));
    EXPECT_EQ(with(R"(["both", "close"])").patterns, (std::vector<Pattern>{{3, 1, 1}, {1, 4, 6, {}, Branches::close}}));
    expect_invalid([&] { with("\"far\""); }, {"\"branches\" says \"far\", expected \"both\", \"close\" or \"remote\""});
    expect_invalid([&] { with("[\"both\"]"); }, {"list of one for each of the 2"});
    expect_invalid([&] { with("[\"both\", 1]"); }, {"says 1, expected"});
}

TEST(LayoutFile, WhatIsWrittenIsRead) {
    const TemporaryFolder folder;
    const auto path = folder / "layout.json";
    for (const WindowLayout& layout :
         {WindowLayout{{3, 8, 12}, {{3, 1, 1}, {1, 4, 6}}}, WindowLayout{{3, 8, 12}, {{3, 1, 1}}, {0, 0}},
          WindowLayout{{3, 8, 12}, {{3, 1, 1}, {1, 4, 6, {2, 1, 0}}}, {1, 0}},
          WindowLayout{{3, 8, 12}, {{3, 1, 1}, {1, 4, 6, {2, 1, 0}, Branches::close}}},
          WindowLayout{{3, 8, 12}, {{3, 1, 1, {}, Branches::remote}, {1, 4, 6, {}, Branches::remote}}}}) {
        write_layout(path, layout);
        EXPECT_EQ(read_layout(path), layout);
    }
}

TEST(LayoutFile, ReadsTheReferenceModels) {
    const WindowLayout layout = read_layout(T3VIDEO_TEST_DATA "/golden/wan21-tiny/t3-layout.json");
    EXPECT_EQ(layout.grid, (Grid{3, 8, 12}));
    EXPECT_EQ(layout.patterns.size(), 5U);
}

struct WrongLayout {
    const char* name;
    const char* content;
    const char* says;
};

std::ostream& operator<<(std::ostream& out, const WrongLayout& layout) {
    return out << layout.name;
}

const WrongLayout kWrong[] = {
    {"empty", "", "expected {\"grid\""},
    {"not_json", "{\"grid\": [1, 2", "expected {\"grid\""},
    {"not_an_object", "[[1, 2, 3]]", "expected {\"grid\""},
    {"no_grid", R"({"window_counts": [[1, 1, 1]]})", "expected {\"grid\""},
    {"no_counts", R"({"grid": [1, 2, 3]})", "expected {\"grid\""},
    {"counts_not_a_list", R"({"grid": [1, 2, 3], "window_counts": {"0": [1, 1, 1]}})", "expected {\"grid\""},
    {"counts_empty", R"({"grid": [1, 2, 3], "window_counts": []})", "no window counts"},
    {"grid_of_two", R"({"grid": [2, 3], "window_counts": [[1, 1, 1]]})", "\"grid\" is not three whole numbers"},
    {"grid_of_texts", R"({"grid": ["1", "2", "3"], "window_counts": [[1, 1, 1]]})",
     "\"grid\" is not three whole numbers"},
    {"grid_zero", R"({"grid": [1, 0, 3], "window_counts": [[1, 1, 1]]})", "grid 1x0x3"},
    {"grid_negative", R"({"grid": [1, 2, -3], "window_counts": [[1, 1, 1]]})", "grid 1x2x-3"},
    {"grid_beyond_any_film", R"({"grid": [1, 2, 9223372036854775807], "window_counts": [[1, 1, 1]]})",
     "9223372036854775807"},
    {"grid_of_too_many_tokens", R"({"grid": [1000000, 1000000, 1000000], "window_counts": [[1, 1, 1]]})", "268435456"},
    {"grid_of_one_frame_too_many", R"({"grid": [257, 1024, 1024], "window_counts": [[1, 1, 1]]})", "257x1024x1024"},
    {"grid_beyond_64_bits", R"({"grid": [1, 2, 18446744073709551615], "window_counts": [[1, 1, 1]]})", "grid"},
    {"count_not_a_triple", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1], [1, 1]]})", "three whole numbers"},
    {"count_not_a_list", R"({"grid": [1, 2, 3], "window_counts": [1, 1, 1]})", "three whole numbers"},
    {"count_zero", R"({"grid": [1, 2, 3], "window_counts": [[1, 0, 1]]})", "pattern 0 asks for 1x0x1"},
    {"count_negative", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1], [1, 1, -2]]})", "pattern 1 asks for 1x1x-2"},
    {"count_beyond_extent", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 4]]})", "the nearest such are 1x1x3"},
    {"count_float", R"({"grid": [1, 2, 3], "window_counts": [[1, 1.5, 1]]})", "three whole numbers"},
    {"count_boolean", R"({"grid": [1, 2, 3], "window_counts": [[1, true, 1]]})", "three whole numbers"},
    {"shift_too_few", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1], [1, 2, 1]], "shift": [[0, 0, 0]]})",
     "each of the 2 \"window_counts\""},
    {"shift_not_a_list", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1]], "shift": 1})", "\"shift\" is not a list"},
    {"shift_of_two", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1]], "shift": [[0, 0]]})", "three whole numbers"},
    {"shift_negative", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1]], "shift": [[0, -1, 0]]})",
     "the nearest such is 1x1x1"},
    {"shift_of_a_window", R"({"grid": [1, 8, 3], "window_counts": [[1, 2, 1]], "shift": [[0, 4, 0]]})",
     "the nearest such is 1x2x1 shifted 0,3,0"},
    {"schedule_not_a_list", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1]], "schedule": 0})",
     "\"schedule\" is not a list"},
    {"schedule_of_texts", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1]], "schedule": ["0"]})",
     "an entry of \"schedule\" is not a whole number"},
    {"schedule_beyond", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1]], "schedule": [0, 1]})",
     "a schedule with pattern 1; there are patterns 0 to 0"},
    {"schedule_negative", R"({"grid": [1, 2, 3], "window_counts": [[1, 1, 1]], "schedule": [-1]})", "pattern -1"},
    {"count_beyond_64_bits", R"({"grid": [1, 2, 3], "window_counts": [[18446744073709551615, 1, 1]]})",
     "three whole numbers"},
    {"count_null", R"({"grid": [1, 2, 3], "window_counts": [[1, null, 1]]})", "three whole numbers"},
};

class WrongLayouts : public ::testing::TestWithParam<WrongLayout> {};
INSTANTIATE_TEST_SUITE_P(LayoutFile, WrongLayouts, ::testing::ValuesIn(kWrong),
                         [](const auto& one) { return one.param.name; });

TEST_P(WrongLayouts, AreRefusedByName) {
    const TemporaryFolder folder;
    const auto path = write_file(folder / "layout.json", GetParam().content);
    expect_invalid([&] { read_layout(path); }, {path.string(), GetParam().says});
}

TEST(LayoutFile, PatternsAreBounded) {
    const WindowLayout layout{{1, 2, 3}, std::vector<Pattern>(1024)};
    check_layout(layout, "here");
    WindowLayout longer = layout;
    longer.patterns.push_back({});
    expect_invalid([&] { check_layout(longer, "here"); }, {"here: 1025 window counts, more than 1024"});
}

TEST(LayoutFile, MustBeAFile) {
    const TemporaryFolder folder;
    expect_invalid([&] { read_layout(folder / "none.json"); }, {"none.json: no such file; expected a window layout"});
    expect_invalid([&] { read_layout(folder.path()); }, {folder.path().string() + ": is a folder"});
    ASSERT_EQ(mkfifo((folder / "pipe.json").c_str(), 0600), 0);
    expect_invalid([&] { read_layout(folder / "pipe.json"); }, {"pipe.json: is a pipe"});
}

}  // namespace
}  // namespace t3video::t3
