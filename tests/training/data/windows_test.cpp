// Windows of frames, beside what musubi-tuner's rules give: begins of `uniform` are those of numpy.linspace(dtype=int).
#include "training/data/windows.h"

#include <gtest/gtest.h>

#include "support/errors.h"
#include "training/data/data_set.h"

namespace t3video::training {

static void PrintTo(const Window& window, std::ostream* out) {
    *out << window.first << "+" << window.frames;
}

namespace {

using testing::expect_invalid;
using List = std::vector<Window>;

List windows(int64_t frame_count, const WindowSettings& settings) {
    return windows_of(frame_count, settings).windows;
}

TEST(Windows, HeadIsTheFirstFrames) {
    EXPECT_EQ(windows(40, {.target_frames = {25, 1, 13, 25}}), (List{{0, 1}, {0, 13}, {0, 25}}));
    EXPECT_EQ(windows(25, {.target_frames = {25}}), (List{{0, 25}}));
}

TEST(Windows, ChunksAreConsecutive) {
    EXPECT_EQ(windows(40, {.target_frames = {13, 25}, .extraction = Extraction::chunk}),
              (List{{0, 13}, {13, 13}, {26, 13}, {0, 25}}));
    EXPECT_EQ(windows(10, {.target_frames = {5}, .extraction = Extraction::chunk}), (List{{0, 5}, {5, 5}}));
}

TEST(Windows, SlidingOnesBeginEveryStride) {
    EXPECT_EQ(windows(40, {.target_frames = {1, 13, 25}, .extraction = Extraction::slide, .stride = 10}),
              (List{{0, 1}, {10, 1}, {20, 1}, {30, 1}, {0, 13}, {10, 13}, {20, 13}, {0, 25}, {10, 25}}));
    EXPECT_EQ(windows(6, {.target_frames = {5}, .extraction = Extraction::slide}), (List{{0, 5}, {1, 5}}));
    EXPECT_EQ(windows(6, {.target_frames = {5}, .extraction = Extraction::slide, .stride = INT64_MAX}), (List{{0, 5}}));
}

TEST(Windows, UniformOnesAreSpreadEvenly) {
    const auto begins = [](int64_t frame_count, int64_t frames, int64_t sample) {
        std::vector<int64_t> first;
        for (const Window& window :
             windows(frame_count, {.target_frames = {frames}, .extraction = Extraction::uniform, .sample = sample}))
            first.push_back(window.first);
        return first;
    };
    using Begins = std::vector<int64_t>;
    EXPECT_EQ(begins(40, 13, 4), (Begins{0, 9, 18, 27}));
    EXPECT_EQ(begins(40, 25, 4), (Begins{0, 5, 10, 15}));
    EXPECT_EQ(begins(40, 1, 4), (Begins{0, 13, 26, 39}));
    EXPECT_EQ(begins(81, 5, 7), (Begins{0, 12, 25, 38, 50, 63, 76}));
    EXPECT_EQ(begins(200, 81, 9), (Begins{0, 14, 29, 44, 59, 74, 89, 104, 119}));
    EXPECT_EQ(begins(40, 13, 1), (Begins{0}));
    EXPECT_EQ(begins(40, 13, 2), (Begins{0, 27}));
    // The product rounds to below 15, so that numpy gives 14.
    EXPECT_EQ(begins(43, 13, 23),
              (Begins{0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 19, 20, 21, 23, 24, 25, 27, 28, 30}));
    EXPECT_EQ(begins(13, 13, 5), (Begins{0}));               // all the same
    EXPECT_EQ(begins(33, 29, 12), (Begins{0, 1, 2, 3, 4}));  // each once
}

TEST(Windows, FullIsAllFramesCutTo4kPlus1) {
    const auto full = [](int64_t frame_count, int64_t most) {
        return windows(frame_count, {.target_frames = {}, .extraction = Extraction::full, .max_frames = most});
    };
    EXPECT_EQ(full(40, 129), (List{{0, 37}}));
    EXPECT_EQ(full(400, 129), (List{{0, 129}}));
    EXPECT_EQ(full(400, 80), (List{{0, 77}}));
    EXPECT_EQ(full(3, 129), (List{{0, 1}}));
    EXPECT_EQ(full(0, 129), List());
}

TEST(Windows, LengthsThatAClipDoesNotFillAreTold) {
    for (const Extraction extraction : {Extraction::head, Extraction::chunk, Extraction::slide, Extraction::uniform}) {
        const Windows found =
            windows_of(24, {.target_frames = {81, 5, 25, 81}, .extraction = extraction, .stride = 30});
        EXPECT_EQ(found.too_long, (std::vector<int64_t>{25, 81}));
        ASSERT_FALSE(found.windows.empty());
        for (const Window& window : found.windows) EXPECT_EQ(window.frames, 5);
        EXPECT_TRUE(windows_of(4, {.target_frames = {5}, .extraction = extraction}).windows.empty());
        EXPECT_EQ(windows_of(0, {.target_frames = {1}, .extraction = extraction}).too_long, std::vector<int64_t>{1});
    }
}

TEST(Windows, OnlyTheLongestWhereThatIsAsked) {
    const WindowSettings settings = {.target_frames = {1, 33, 65}, .longest_only = true};
    EXPECT_EQ(windows(100, settings), (List{{0, 65}}));
    EXPECT_EQ(windows(64, settings), (List{{0, 33}}));
    EXPECT_EQ(windows(32, settings), List());  // no video becomes a picture
}

TEST(Windows, WrongSettingsAreNamed) {
    expect_invalid([] { windows_of(40, {.target_frames = {24}}); }, {"frames 24", "4k+1"});
    expect_invalid([] { windows_of(40, {.target_frames = {-3}}); }, {"frames -3"});
    expect_invalid([] { windows_of(40, {.target_frames = {}}); }, {"frames", "at least one"});
    expect_invalid([] { windows_of(40, {.stride = 0}); }, {"stride 0"});
    expect_invalid([] { windows_of(40, {.sample = 0}); }, {"sample 0"});
    expect_invalid([] { windows_of(40, {.sample = int64_t{1} << 60}); }, {"sample"});
    expect_invalid([] { windows_of(40, {.max_frames = 0}); }, {"max-frames 0"});
    expect_invalid([] { extraction_of("tail"); }, {"extraction tail", "uniform"});
    EXPECT_EQ(extraction_of("slide"), Extraction::slide);
}

TEST(Windows, ListsLeaveOpenWhatIsSaidElsewhere) {
    const WindowSettings otherwise = {.target_frames = {81}, .extraction = Extraction::chunk, .sample = 3};
    EXPECT_EQ(DataSettings().windows(otherwise), otherwise);
    const DataSettings said = {.target_frames = {5, 9}, .extraction = Extraction::slide, .stride = 2};
    EXPECT_EQ(said.windows(otherwise),
              (WindowSettings{.target_frames = {5, 9}, .extraction = Extraction::slide, .stride = 2, .sample = 3}));
}

}  // namespace
}  // namespace t3video::training
