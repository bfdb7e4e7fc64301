// t3video encode as a user meets it.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "support/encoding.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class CliEncode : public ::testing::Test {
  protected:
    CliEncode() {
        for (const char* name : {"a", "b", "c", "d", "e"}) write_levels(folder_ / name, 17, 64, 64, 1 + name[0] % 7);
        std::string text;
        for (const char* name : {"a", "b", "c", "d", "e"})
            text += concat(R"({"video": ")", name, R"(", "prompt": "Clip )", name, "\"}\n");
        write_file(folder_ / "list.jsonl", text);
    }
    std::vector<std::string> words(const std::string& output, const std::vector<std::string>& more = {},
                                   const std::string& list = "list.jsonl") const {
        std::vector<std::string> all = {"encode",   folder_ / list,   "--model", film::demo_model_folder(),
                                        "--output", folder_ / output, "--size",  "64x64"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    void expect_refused(const std::vector<std::string>& all, const std::string& says) const {
        const Outcome outcome = run_program(all);
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        const std::string last = outcome.err.substr(outcome.err.rfind("t3video: "));
        EXPECT_NE(last.find(says), std::string::npos) << outcome.err;
        EXPECT_EQ(std::ranges::count(last, '\n'), 1) << last;
    }

    TemporaryFolder folder_;
};

TEST_F(CliEncode, ShowsSizesLengthsAndClips) {
    const Outcome outcome = run_program(words("out"));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "       size  frames    clips\n      64x64      17        5\n");
    const Outcome again = run_program(words("out"));
    EXPECT_NE(again.err.find("5 of 5 clips were there already"), std::string::npos) << again.err;
    EXPECT_EQ(again.out, outcome.out);
    for (const char* path : {"out", "out/00000.safetensors"}) {
        const Outcome shown = run_program({"inspect", folder_ / path});
        EXPECT_EQ(shown.exit_code, 0) << shown.err;
        EXPECT_NE(shown.out.find("5 clips of 5 files, 5 captions, 16 latent channels"), std::string::npos) << shown.out;
        EXPECT_TRUE(shown.out.ends_with(outcome.out)) << shown.out;
    }
    EXPECT_EQ(run_program(words("quiet", {"--quiet"})).err, "");
}

TEST_F(CliEncode, KilledAtAnyMomentTheSameCommandMakesTheSameClips) {
    const std::vector<std::string> small = {"--shard-bytes", "1", "--quiet"};
    ASSERT_EQ(run_program(words("whole", small)).exit_code, 0);
    const auto whole = clips_in(folder_ / "whole");
    ASSERT_EQ(whole.size(), 5u);
    for (int kills = 0; kills < 3; ++kills) {
        const std::string output = concat("killed", kills);
        const pid_t child = start_program(words(output, small), folder_ / "errors");
        const fs::path first = folder_ / output / concat("0000", kills, ".safetensors");
        for (int i = 0; i < 120'000 && !fs::exists(first); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ASSERT_TRUE(fs::exists(first));
        kill(child, SIGKILL);
        wait_for(child);
        const Outcome again = run_program(words(output, small));
        ASSERT_EQ(again.exit_code, 0) << again.err;
        EXPECT_EQ(clips_in(folder_ / output), whole);
    }
}

// Of many windows, so that some remain.
TEST_F(CliEncode, AStopSaysHowToGoOn) {
    const std::vector<std::string> many = {"--shard-bytes", "1", "--extraction", "slide", "--frames", "5"};
    const pid_t child = start_program(words("out", many), folder_ / "errors");
    for (int i = 0; i < 120'000 && !fs::exists(folder_ / "out/00000.safetensors"); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    kill(child, SIGTERM);
    EXPECT_EQ(wait_for(child), 128 + SIGTERM);
    const std::string says = read_file(folder_ / "errors");
    EXPECT_NE(says.find("of 5 clips, which are saved; the same command goes on"), std::string::npos) << says;
    EXPECT_LT(clips_in(folder_ / "out").size(), 65u);
    ASSERT_EQ(run_program(words("out", many)).exit_code, 0);
    ASSERT_EQ(run_program(words("whole", many)).exit_code, 0);
    EXPECT_EQ(clips_in(folder_ / "whole").size(), 65u);
    EXPECT_EQ(clips_in(folder_ / "out"), clips_in(folder_ / "whole"));
}

TEST_F(CliEncode, ProblemsOfTheListComeByKind) {
    std::string text = R"({"video": "a", "prompt": "x", "mood": "glad"})";
    for (int i = 0; i < 5; ++i) text += concat("\n{\"video\": \"gone", i, ".mp4\", \"prompt\": \"x\"}");
    write_file(folder_ / "some.jsonl", text + "\n{\"video\": \"b\"}\nnothing\n");
    const Outcome outcome = run_program(words("out", {}, "some.jsonl"));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const char* line : {"some.jsonl: line 2: there is no file", "... and 2 more without a file",
                             "some.jsonl: line 7: 'b' has no caption", "line 8: ", "'mood' is not read here"})
        EXPECT_NE(outcome.err.find(line), std::string::npos) << line << '\n' << outcome.err;
    EXPECT_EQ(outcome.err.find("gone3"), std::string::npos) << outcome.err;
    EXPECT_EQ(run_program(words("all", {"--without-captions"}, "some.jsonl")).exit_code, 0);
    EXPECT_EQ(clips_in(folder_ / "all").size(), 2u);
}

TEST_F(CliEncode, RefusesWhatItCannotDo) {
    expect_refused(words("out", {"--frames", "16"}), "--frames 16: expected 4k+1");
    expect_refused(words("out", {"--frames", "33"}), "no clip could be encoded: of 5, 5 too short");
    expect_refused(words("out", {"--extraction", "tail"}), "--extraction tail: expected head, chunk");
    expect_refused(words("out", {"--stride", "2"}), "--stride 2 belongs to --extraction slide");
    expect_refused(words("out", {"--fps", "8", "--every-frame"}), "it excludes --fps and --source-fps");
    expect_refused(words("out", {"--shard-bytes", "much"}), "--shard-bytes much: expected a size");
    expect_refused(words("out", {"--memory", "100MiB"}), "--memory");
    expect_refused(words("out", {"--size", "64"}), "--size 64");
    expect_refused(words("out", {}, "gone.json"), "gone.json");
    expect_refused(words("list.jsonl"), "is no folder");
    write_levels(folder_ / "pictures", 2);
    expect_refused(words("out", {}, "pictures"), "has no caption (the first of 2 problems); --without-captions takes");
}

}  // namespace
}  // namespace t3video
