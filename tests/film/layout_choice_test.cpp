// Which windows a run takes: what comes first, and what is refused.
#include "film/layout_choice.h"

#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/files.h"

namespace t3video::film {
namespace {

using namespace testing;
using t3::Pattern;

class LayoutChoiceTest : public ::testing::Test {
  protected:
    static constexpr int64_t kCell = 16;
    const Grid grid_{3, 8, 12}, other_{3, 8, 10}, published_{21, 136, 240};

    std::filesystem::path layout(const std::string& name, const Grid& grid, const Pattern& n) {
        return write_file(folder_ / name, concat(R"({"grid": [)", grid.t, ',', grid.h, ',', grid.w,
                                                 R"(], "window_counts": [[)", n.t, ',', n.h, ',', n.w, "]]}"));
    }
    LayoutChoice choose(const Grid& grid, Attention attention, const std::filesystem::path& file = {}) {
        return choose_layout(grid, kCell, files_, attention, file);
    }

    TemporaryFolder folder_;
    ModelFiles files_;
};

const std::vector<Pattern> kFull = {{1, 1, 1}}, kA = {{3, 1, 1}}, kB = {{1, 2, 3}};

TEST_F(LayoutChoiceTest, FullWhenAskedFor) {
    files_.layout = layout("t3-layout.json", grid_, kA[0]);
    for (const Grid& grid : {grid_, published_}) {
        const LayoutChoice choice = choose(grid, Attention::full);
        EXPECT_EQ(choice.layout.patterns, kFull);
        EXPECT_EQ(choice.layout.grid, grid);
        EXPECT_EQ(choice.origin, "full attention");
    }
    expect_invalid([&] { choose(grid_, Attention::full, files_.layout); },
                   {"attention full", "layout", "attention t3"});
}

TEST_F(LayoutChoiceTest, GivenFileBeforeTheModels) {
    files_.layout = layout("t3-layout.json", grid_, kA[0]);
    const auto given = layout("given.json", grid_, kB[0]);
    for (const Attention attention : {Attention::automatic, Attention::t3}) {
        const LayoutChoice choice = choose(grid_, attention, given);
        EXPECT_EQ(choice.layout.patterns, kB);
        EXPECT_EQ(choice.origin, "T3 windows of " + given.string());
    }
}

TEST_F(LayoutChoiceTest, GivenFileMustFit) {
    const auto given = layout("given.json", other_, kA[0]);
    for (const Attention attention : {Attention::automatic, Attention::t3}) {
        expect_invalid([&] { choose(grid_, attention, given); },
                       {"layout " + given.string(), "3x8x10", "160x128, 9 frames", "3x8x12", "192x128, 9 frames"});
    }
    const auto none = folder_ / "none.json";
    expect_invalid([&] { choose(grid_, Attention::automatic, none); }, {none.string()});
}

TEST_F(LayoutChoiceTest, ModelsFileWhereItFits) {
    files_.layout = layout("t3-layout.json", grid_, kA[0]);
    for (const Attention attention : {Attention::automatic, Attention::t3}) {
        const LayoutChoice choice = choose(grid_, attention);
        EXPECT_EQ(choice.layout.patterns, kA);
        EXPECT_EQ(choice.origin, "T3 windows of " + files_.layout.string());
    }
}

// Windows of the same extents on another grid, and what they come from.
TEST_F(LayoutChoiceTest, ModelsFileElsewhereIsPlannedFrom) {
    files_.layout = layout("t3-layout.json", grid_, kB[0]);  // windows of 3x4x4
    const Grid longer{5, 16, 8};
    for (const Attention attention : {Attention::automatic, Attention::t3}) {
        const LayoutChoice choice = choose(longer, attention);
        EXPECT_EQ(choice.layout.grid, longer);
        EXPECT_EQ(choice.layout.patterns, (std::vector<Pattern>{{1, 4, 2}}));
        EXPECT_EQ(choice.origin, "T3 windows planned from those of " + files_.layout.string() +
                                     ", which are for 192x128, 9 frames, transposed");
    }
    // Two windows of two tokens each score as many pairs as one of four.
    const LayoutChoice small = choose({1, 2, 2}, Attention::automatic);
    EXPECT_EQ(small.layout.patterns, kFull);
    EXPECT_NE(small.origin.find("are no cheaper on this grid"), std::string::npos) << small.origin;
}

TEST_F(LayoutChoiceTest, GivenFileForAnotherGridSaysWhatItsExtentsGive) {
    const auto given = layout("given.json", grid_, kB[0]);
    expect_invalid(
        [&] {
            choose({3, 16, 24}, Attention::t3, given);
        },
        {"is for a grid of 3x8x12", "has 3x16x24", "would be 1x4x6 there"});
}

TEST_F(LayoutChoiceTest, ModelsFileIsCheckedEvenWhereItDoesNotFit) {
    files_.layout = write_file(folder_ / "t3-layout.json", "{}");
    expect_invalid([&] { choose(grid_, Attention::automatic); }, {files_.layout.string()});
}

TEST_F(LayoutChoiceTest, PublishedTableAtItsGrid) {
    for (const Attention attention : {Attention::automatic, Attention::t3}) {
        const LayoutChoice choice = choose(published_, attention);
        EXPECT_EQ(choice.layout.patterns, t3::published_layout(16)->patterns);
        EXPECT_NE(choice.origin.find("published 4K table"), std::string::npos);
    }
    EXPECT_EQ(choose_layout({21, 68, 120}, 32, files_, Attention::automatic, {}).layout.patterns,
              t3::published_layout(32)->patterns);
    EXPECT_EQ(choose({21, 68, 120}, Attention::automatic).layout.patterns, kFull)
        << "1920x1088 is not the 4K grid of the other model";
    files_.layout = layout("t3-layout.json", published_, kB[0]);
    EXPECT_EQ(choose(published_, Attention::automatic).layout.patterns, kB)
        << "the model's file comes before the table";
    files_.layout = layout("t3-layout.json", grid_, kA[0]);
    EXPECT_EQ(choose(published_, Attention::automatic).layout.patterns, (std::vector<Pattern>{{21, 1, 1}}))
        << "planned from the model's own, which says what its weights learned";
}

TEST_F(LayoutChoiceTest, GridsWithoutATable) {
    EXPECT_EQ(choose(grid_, Attention::automatic).layout.patterns, kFull)
        << "nothing says that these weights were retrofitted";
    const Grid hd{21, 45, 80};
    const LayoutChoice planned = choose(hd, Attention::t3);
    EXPECT_EQ(planned.layout.patterns,
              (std::vector<Pattern>{{21, 1, 1}, {1, 6, 10}, {1, 3, 13}, {3, 6, 3}, {7, 3, 2}}));
    EXPECT_EQ(planned.origin,
              "T3 windows planned from those of the published 4K table, which are for 3840x2176, 81 frames");
    expect_invalid([&] { choose_layout(hd, 8, files_, Attention::t3, {}); }, {"attention t3", "8x8", "layout FILE"});
}

TEST(ParseAttention, Names) {
    EXPECT_EQ(parse_attention("auto"), Attention::automatic);
    EXPECT_EQ(parse_attention("full"), Attention::full);
    EXPECT_EQ(parse_attention("t3"), Attention::t3);
    for (const char* name : {"", "T3", "sparse"}) {
        expect_invalid([&] { parse_attention(name); },
                       {Message(Field("attention", name), ":").plain(), "auto, full or t3"});
    }
}

}  // namespace
}  // namespace t3video::film
