// The windows of clips: which frames they hold, and how much memory reading them takes.
#include "training/data/clip_source.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "media/input/film_reader.h"
#include "support/encoding.h"
#include "training/data/clip_queue.h"

namespace t3video::training {
namespace {

using namespace testing;

constexpr int kStep = 5;

// Which of write_levels' pictures the frames are.
std::vector<int> numbers_of(const ClipWindow& clip) {
    std::vector<int> numbers;
    for (const ClipFrame& frame : clip.frames) {
        EXPECT_EQ(frame.pixels.shape(), Shape({clip.size.height, clip.size.width, 3}));
        numbers.push_back(frame.pixels.span<uint8_t>()[0] / kStep);
    }
    return numbers;
}

std::vector<int> from(int64_t first, int64_t count) {
    std::vector<int> numbers;
    for (int64_t i = 0; i < count; ++i) numbers.push_back(static_cast<int>(first + i));
    return numbers;
}

class ClipSource : public ::testing::Test {
  protected:
    std::vector<ClipWindow> read(const ClipRules& rules) {
        std::vector<ClipWindow> clips;
        reason_ = read_windows(item_, rules, {INT64_MAX, [](int64_t) { return std::shared_ptr<void>(); }},
                               [&](ClipWindow clip) { clips.push_back(std::move(clip)); });
        return clips;
    }
    static ClipRules rules(const WindowSettings& windows) {
        return {.sizes = {{32, 32}}, .windows = windows, .fps = 8};
    }

    TemporaryFolder folder_;
    DataItem item_{.file = write_levels(folder_ / "clip", 40)};
    std::optional<LeftOut> reason_;
};

TEST_F(ClipSource, GivesTheWindowsOfEveryExtraction) {
    for (const WindowSettings& settings : {WindowSettings{.target_frames = {5, 9}},
                                           {.target_frames = {9, 17}, .extraction = Extraction::chunk},
                                           {.target_frames = {5, 13}, .extraction = Extraction::slide, .stride = 3},
                                           {.target_frames = {5, 9}, .extraction = Extraction::uniform, .sample = 3},
                                           {.target_frames = {1}, .extraction = Extraction::uniform, .sample = 4},
                                           {.extraction = Extraction::full},
                                           {.extraction = Extraction::full, .max_frames = 18},
                                           {.target_frames = {1, 9, 33, 81}, .longest_only = true}}) {
        const std::vector<Window> expected = windows_of(40, settings).windows;
        const std::vector<ClipWindow> clips = read(rules(settings));
        ASSERT_FALSE(reason_);
        ASSERT_EQ(clips.size(), expected.size());
        std::vector<bool> seen(expected.size());
        int64_t end = 0;
        for (const ClipWindow& clip : clips) {
            EXPECT_EQ(clip.count, static_cast<int64_t>(expected.size()));
            const auto i = static_cast<size_t>(clip.index);
            EXPECT_FALSE(seen.at(i));
            seen[i] = true;
            EXPECT_EQ(clip.window, expected[i]);
            EXPECT_EQ(numbers_of(clip), from(clip.window.first, clip.window.frames));
            EXPECT_GE(clip.window.first + clip.window.frames, end) << "they come as they end";
            end = clip.window.first + clip.window.frames;
        }
    }
}

// The frames of a file count as of another rate than the model's.
TEST_F(ClipSource, FollowsTheSourceRate) {
    ClipRules r = rules({.target_frames = {9}});
    r.source_fps = 16;  // of 8
    EXPECT_EQ(numbers_of(read(r).at(0)), (std::vector{0, 2, 4, 6, 8, 10, 12, 14, 16}));
    r.source_fps = 12;
    EXPECT_EQ(numbers_of(read(r).at(0)), (std::vector{0, 1, 3, 4, 6, 7, 9, 10, 12}));
    r.source_fps = 4;
    EXPECT_EQ(numbers_of(read(r).at(0)), (std::vector{0, 0, 1, 1, 2, 2, 3, 3, 4}));
    EXPECT_EQ(read(r).at(0).fps, 8);
    // As many as last as long: 20 seconds, 27 of 40 frames, 80.
    for (const auto& [fps, frames] : {std::pair(2.0, 160), {12.0, 27}, {4.0, 80}, {8.0, 40}}) {
        r.source_fps = fps;
        r.windows = {.target_frames = {1}, .extraction = Extraction::chunk};
        EXPECT_EQ(read(r).size(), static_cast<size_t>(frames)) << fps;
    }
    // Frames that are passed over are not lost for those behind them.
    r.source_fps = 4;
    r.windows = {.target_frames = {5}, .extraction = Extraction::uniform, .sample = 2};
    EXPECT_EQ(numbers_of(read(r).at(1)), (std::vector{37, 38, 38, 39, 39}));
    r.every_frame = true;
    r.source_fps.reset();
    EXPECT_EQ(numbers_of(read(r).at(1)), from(35, 5));
}

TEST_F(ClipSource, SaysWhyThereIsNothing) {
    EXPECT_TRUE(read(rules({.target_frames = {41}})).empty());
    EXPECT_EQ(reason_.value().kind, LeftOut::Kind::too_short);
    EXPECT_NE(reason_->text().plain().find("clip: has 40 frames at 8 frames per second, and the shortest length asked "
                                           "for is 41"),
              std::string::npos)
        << reason_->text().plain();
    EXPECT_TRUE(read(rules({.target_frames = {81}, .extraction = Extraction::chunk})).empty());
    EXPECT_EQ(reason_.value().kind, LeftOut::Kind::too_short);
    EXPECT_TRUE(read(rules({.target_frames = {1}, .longest_only = true})).empty());
    EXPECT_EQ(reason_.value().kind, LeftOut::Kind::too_short);

    write_levels(folder_ / "tiny", 5, 12, 40);
    item_.file = folder_ / "tiny";
    ClipRules small = rules({.target_frames = {5}});
    EXPECT_EQ(read(small).size(), 1u);
    small.no_upscale = true;
    EXPECT_TRUE(read(small).empty());
    EXPECT_EQ(reason_.value().kind, LeftOut::Kind::too_small);

    write_file(folder_ / "clip/7.png", "no picture");
    item_.file = folder_ / "clip";
    EXPECT_TRUE(read(rules({.target_frames = {9}})).empty());
    EXPECT_EQ(reason_.value().kind, LeftOut::Kind::broken);
    EXPECT_NE(reason_->text().plain().find("7.png"), std::string::npos) << reason_->text().plain();
    EXPECT_EQ(read(rules({.target_frames = {5}})).size(), 1u) << "head reads no further than it needs";
    item_.file = folder_ / "nothing.mp4";
    EXPECT_TRUE(read(rules({.target_frames = {5}})).empty());
    EXPECT_EQ(reason_.value().kind, LeftOut::Kind::broken);
}

TEST_F(ClipSource, TakesTheNearestSize) {
    ClipRules r = rules({});
    r.sizes = {{32, 64}, {64, 32}, {48, 48}};
    EXPECT_EQ(size_for(r, {1920, 1080}), (Size{64, 32}));
    EXPECT_EQ(size_for(r, {30, 30}), (Size{48, 48}));
    r.no_upscale = true;
    EXPECT_EQ(size_for(r, {30, 30}), (Size{16, 16}));
    // Its own size would be 4000x16: more than networks were planned for.
    const Size wide = size_for(r, {4000, 17}).value();
    EXPECT_LE(wide.width * wide.height, 48 * 48);
    EXPECT_FALSE(size_for(r, {4000, 15}));
}

class ClipQueues : public ClipSource {
  protected:
    // All windows in the order they come in, each given up before the next. Takes its time, so that readers which would
    // run ahead do.
    std::vector<std::pair<size_t, Window>> run(const std::vector<ClipJob>& jobs, const ClipQueue::Options& options) {
        ClipQueue queue(jobs, options);
        std::vector<std::pair<size_t, Window>> windows;
        size_t done = 0;
        while (auto event = queue.next()) {
            if (const auto* clip = std::get_if<ClipWindow>(&event->what)) {
                EXPECT_EQ(numbers_of(*clip), from(clip->window.first, clip->window.frames));
                windows.emplace_back(event->job, clip->window);
            }
            EXPECT_EQ(event->job, done);
            std::this_thread::sleep_for(std::chrono::milliseconds(3));
            if (std::holds_alternative<ClipQueue::Done>(event->what)) ++done;
        }
        EXPECT_EQ(done, jobs.size());
        peak_ = queue.peak_bytes();
        return windows;
    }
    int64_t peak_ = 0;
};

// No budget is too small, and none is exceeded by more than a clip.
TEST_F(ClipQueues, KeepOrderAndBudget) {
    const ClipRules slide = rules({.target_frames = {9, 17}, .extraction = Extraction::slide, .stride = 4});
    const ClipRules head = rules({.target_frames = {5}});
    const DataItem broken{.file = folder_ / "nothing.mp4"};
    const std::vector<ClipJob> jobs = {{&item_, &head}, {&item_, &slide}, {&broken, &head}, {&item_, &head}};
    const int64_t frame = 32 * 32 * 3, reader = media::open_frames(item_.file)->bytes();
    std::vector<std::pair<size_t, Window>> expected;
    for (const int readers : {1, 2, 7}) {
        for (const int64_t budget : {int64_t{0}, 3 * frame, 40 * frame, 1000 * frame}) {
            const auto windows = run(jobs, {readers, budget});
            if (expected.empty()) expected = windows;
            EXPECT_EQ(windows, expected) << readers << " readers, " << budget;
            EXPECT_LE(peak_, budget + 18 * frame + reader);
            EXPECT_GT(peak_, 17 * frame);
        }
    }
    EXPECT_EQ(expected.size(), 2 + windows_of(40, slide.windows).windows.size());
}

TEST_F(ClipQueues, EndWhereverTheyAre) {
    const ClipRules slide = rules({.target_frames = {9}, .extraction = Extraction::slide});
    const std::vector<ClipJob> jobs(5, {&item_, &slide});
    for (int taken = 0; taken < 4; ++taken) {
        std::vector<ClipQueue::Event> kept;
        ClipQueue queue(jobs, {3, 32 * 32 * 3 * 20});
        for (int i = 0; i < taken; ++i) kept.push_back(queue.next().value());
    }
}

}  // namespace
}  // namespace t3video::training
