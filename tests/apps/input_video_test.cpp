// Films made from videos: their frames, their times and their sound.
#include <gtest/gtest.h>

#include <algorithm>

#include "media/input/video_reader.h"
#include "media/sound.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class CliInputVideo : public ::testing::Test {
  protected:
    CliInputVideo() { fs::copy(test_data() + "media/sound.mp4", folder_ / "in.mp4"); }

    Outcome run(std::vector<std::string> words) const {
        const Outcome outcome = run_program(words);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return outcome;
    }
    Outcome generate(const std::string& output, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> words = {"generate", "--prompt", "Waves.",        "--video", folder_ / "in.mp4",
                                          "--size",   "64x64",    "--steps",       "1",       "--cfg",
                                          "1",        "--output", folder_ / output};
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    }
    bool has_sound(const std::string& film) const { return media::sound_obstacle(folder_ / film, "a.mkv").empty(); }
    static bool says(const Outcome& outcome, const std::string& words) {
        return outcome.err.find(words) != std::string::npos;
    }

    TemporaryFolder folder_;
};

TEST_F(CliInputVideo, SoundIsCopiedOrItsAbsenceSaid) {
    const Outcome first = generate("a.mp4");
    EXPECT_FALSE(says(first, "No sound")) << first.err;
    EXPECT_TRUE(says(first, "Sound: copied from")) << first.err;
    EXPECT_TRUE(has_sound("a.mp4"));
    EXPECT_TRUE(says(generate("a.mp4"), "is there")) << "and with its sound";
    const Outcome without = generate("b.mp4", {"--no-sound"});
    EXPECT_FALSE(says(without, "No sound") || says(without, "Sound:")) << without.err;
    EXPECT_FALSE(has_sound("b.mp4"));
    EXPECT_TRUE(says(generate("c.y4m"), "No sound: .y4m files hold none"));
    EXPECT_TRUE(says(generate("d/"), "No sound: pictures have none"));
}

TEST_F(CliInputVideo, DecodeFindsTheSoundOrSaysWhyNot) {
    generate("a.y4m");
    const std::string job = folder_ / "a.job";
    const auto decode = [&](const std::string& output, const std::vector<std::string>& more = {}) {
        std::vector<std::string> words = {"decode", job, "--output", folder_ / output};
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    };
    decode("b.mp4");
    EXPECT_TRUE(has_sound("b.mp4"));
    EXPECT_TRUE(says(decode("c.mp4", {"--fps", "12"}), "No sound: at 12 frames per second"));
    EXPECT_FALSE(has_sound("c.mp4"));
    fs::copy_file(test_data() + "media/sound.mkv", folder_ / "in.mp4", fs::copy_options::overwrite_existing);
    EXPECT_TRUE(says(decode("d.mkv"), "is another video than the film was made from"));
    fs::remove(folder_ / "in.mp4");
    EXPECT_TRUE(says(decode("e.mp4"), "in.mp4: no such file"));
}

// 1.3 seconds, seven frames: as a film at 10 frames per second it has 13, at its own mean rate as many as last that
// long.
TEST_F(CliInputVideo, AFilmLastsAsLongAsTheVideo) {
    for (const std::string fps : {"10", ""}) {
        const std::string name = concat("film", fps, ".mp4");
        const Outcome made = fps.empty() ? generate(name) : generate(name, {"--fps", fps});
        const media::Video film = media::read_video(folder_ / name);
        ASSERT_TRUE(film.info.fps) << made.err;
        EXPECT_EQ(film.frames.size(), fps.empty() ? 5u : 13u);
        EXPECT_NEAR(static_cast<double>(film.frames.size()) / film.info.fps->value(), fps.empty() ? 0.93 : 1.3, 0.01);
    }
    EXPECT_TRUE(says(generate("film10.mp4", {"--fps", "20", "--overwrite"}), "Another film's job"))
        << "other frames are another film";
}

}  // namespace
}  // namespace t3video
