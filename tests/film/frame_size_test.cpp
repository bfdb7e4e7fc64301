// The size a film is computed at.
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "film/frame_size.h"
#include "support/errors.h"

namespace t3video::film {
namespace {

using namespace testing;

struct SizeCase {
    int64_t width, height, frames, cell;
    int64_t computed_width, computed_height;
    Grid grid;
};

std::ostream& operator<<(std::ostream& out, const SizeCase& c) {
    return out << c.width << 'x' << c.height << 'x' << c.frames << "_cell" << c.cell;
}

const SizeCase kSizes[] = {
    // As they are.
    {832, 480, 81, 16, 832, 480, {21, 30, 52}},
    {1280, 704, 121, 32, 1280, 704, {31, 22, 40}},
    {448, 256, 17, 16, 448, 256, {5, 16, 28}},
    {16, 16, 1, 16, 16, 16, {1, 1, 1}},
    {32, 32, 5, 32, 32, 32, {2, 1, 1}},
    // To the next multiple of the cell.
    {250, 250, 17, 16, 256, 256, {5, 16, 16}},
    {250, 250, 17, 32, 256, 256, {5, 8, 8}},
    {1280, 720, 81, 32, 1280, 736, {21, 23, 40}},
    {1920, 1080, 81, 16, 1920, 1088, {21, 68, 120}},
    {1080, 1920, 81, 16, 1088, 1920, {21, 120, 68}},
    {1920, 1080, 81, 32, 1920, 1088, {21, 34, 60}},
    {18, 30, 1, 16, 32, 32, {1, 2, 2}},
    // 4K: the published grid, either way round, whatever the length.
    {3840, 2160, 81, 16, 3840, 2176, {21, 136, 240}},
    {3840, 2160, 81, 32, 3840, 2176, {21, 68, 120}},
    {2160, 3840, 81, 16, 2176, 3840, {21, 240, 136}},
    {2160, 3840, 81, 32, 2176, 3840, {21, 120, 68}},
    {3840, 2160, 5, 16, 3840, 2176, {2, 136, 240}},
    {3840, 2176, 81, 16, 3840, 2176, {21, 136, 240}},
    // Within 32 pixels of it, and not a multiple of the cell.
    {3836, 2150, 81, 16, 3840, 2176, {21, 136, 240}},
    {3808, 2146, 81, 16, 3840, 2176, {21, 136, 240}},
    {2146, 3810, 81, 32, 2176, 3840, {21, 120, 68}},
    // Multiples of the cell, or further away, or larger.
    {3824, 2144, 81, 16, 3824, 2144, {21, 134, 239}},
    {3808, 2142, 81, 16, 3808, 2144, {21, 134, 238}},
    {3806, 2176, 81, 16, 3808, 2176, {21, 136, 238}},
    {3842, 2160, 81, 16, 3856, 2160, {21, 135, 241}},
    {3840, 2178, 81, 32, 3840, 2208, {21, 69, 120}},
    // A cell without a published table.
    {3840, 2160, 81, 8, 3840, 2160, {21, 270, 480}},
};

class Sizes : public ::testing::TestWithParam<SizeCase> {};
INSTANTIATE_TEST_SUITE_P(FrameSize, Sizes, ::testing::ValuesIn(kSizes),
                         [](const auto& one) { return concat(one.param); });

TEST_P(Sizes, OfWhatIsComputed) {
    const SizeCase& c = GetParam();
    const FrameSize size = frame_size(c.width, c.height, c.frames, c.cell);
    EXPECT_EQ(size.width, c.computed_width);
    EXPECT_EQ(size.height, c.computed_height);
    EXPECT_EQ(size.grid, c.grid);
}

TEST(FrameSize, FramesAreOneMoreThanAMultipleOfFour) {
    const auto refused = [](int64_t frames, const std::string& suggestion) {
        expect_invalid([&] { frame_size(832, 480, frames, 16); },
                       {concat("frames ", frames, ":"), "4k+1", "try " + suggestion});
    };
    refused(16, "17");
    refused(18, "17");
    refused(80, "81");
    refused(2, "1");
    refused(4, "5");
    refused(0, "1");
    refused(-3, "1");
    refused(std::numeric_limits<int64_t>::max(), "1000001");
    refused(std::numeric_limits<int64_t>::min(), "1");
    EXPECT_EQ(frame_size(16, 16, 1'000'001, 16).grid.t, 250'001);
}

// Each number may be large, but not all of them; what the refusal names is taken.
TEST(FrameSize, TokensAreBounded) {
    const auto number_after = [](const std::string& text, const std::string& word) {
        return std::stoll(text.substr(text.find(word, text.find("try")) + word.size()));
    };
    for (const auto& [width, height, frames, cell] : {std::array<int64_t, 4>{16384, 16384, 20'001, 16},
                                                      {16384, 16384, 1'000'001, 16},
                                                      {16384, 9216, 33'001, 16},
                                                      {832, 480, 1'000'001, 16},
                                                      {16384, 32, 1'000'001, 16},
                                                      {16384, 16384, 1'000'001, 32}}) {
        std::string refusal;
        try {
            frame_size(width, height, frames, cell);
        } catch (const InvalidRequest& error) {
            refusal = error.what();
        }
        ASSERT_NE(refusal.find(concat("size ", width, 'x', height, " frames ", frames, ": ")), std::string::npos)
            << refusal;
        EXPECT_NE(refusal.find("268435456"), std::string::npos) << refusal;
        const int64_t fewer = number_after(refusal, "frames "), smaller = number_after(refusal, "size "),
                      lower = number_after(refusal, concat("size ", smaller, 'x'));
        frame_size(width, height, fewer, cell);
        expect_invalid([&] { frame_size(width, height, fewer + 4, cell); }, {"tokens"});
        const FrameSize size = frame_size(smaller, lower, frames, cell);
        EXPECT_GT(double(size.grid.tokens()), 0.4 * 268435456) << refusal;
    }
}

TEST(FrameSize, Sides) {
    const auto refused = [](int64_t width, int64_t height, int64_t cell, const std::vector<std::string>& says) {
        expect_invalid([&] { frame_size(width, height, 17, cell); }, says);
    };
    // Odd sides are for the output's format to refuse.
    EXPECT_EQ(frame_size(251, 249, 17, 16).width, 256);
    EXPECT_EQ(frame_size(251, 249, 17, 16).height, 256);
    refused(14, 64, 16, {"size 14x64", "16 to 16384"});
    refused(64, 16, 32, {"size 64x16", "32 to 16384"});
    refused(0, 64, 16, {"size 0x64"});
    refused(-64, 64, 16, {"size -64x64"});
    refused(16386, 64, 16, {"size 16386x64", "16 to 16384"});
    refused(64, std::numeric_limits<int64_t>::max(), 16, {"16 to 16384"});
}

}  // namespace
}  // namespace t3video::film
