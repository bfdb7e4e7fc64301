// t3video retrofit as a user runs it: from drawn clips to a model, killed, stopped, out of disk.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include "media/video_writer.h"
#include "support/program.h"
#include "support/runs.h"
#include "training/report/log_entries.h"
#include "training/run/run_folder.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class Retrofit : public ::testing::Test {
  protected:
    Retrofit() {
        session::Session session(Context(1), 0, session::Lifetime::one_film);
        write_shards(folder_ / "clips", session.open(tiny_model()), {});
    }
    Words words(const std::string& output, int updates = 40, const Words& further = {}) {
        const film::Request model = tiny_model();
        Words all{"retrofit",
                  "--model",
                  model.model,
                  "--tokenizer",
                  model.parts.tokenizer,
                  "--data",
                  folder_ / "clips",
                  "--updates",
                  std::to_string(updates),
                  "--batch",
                  "2",
                  "--rate",
                  "1e-3",
                  "--save-every",
                  "2",
                  "--ema",
                  "0.9",
                  "--threads",
                  "1",
                  "--layout",
                  kGolden / "wan21-tiny/t3-layout.json",
                  "--output",
                  folder_ / output};
        all.insert(all.end(), further.begin(), further.end());
        return all;
    }
    std::string weights(const std::string& run) {
        return read_file(folder_ / run / "model/diffusion_pytorch_model.safetensors");
    }
    int64_t saved(const std::string& run) {
        if (!fs::exists(folder_ / run / "run.json")) return -1;
        const auto all = training::checkpoints_in(folder_ / run);
        return all.empty() ? 0 : all.back().update;
    }

    const TemporaryFolder folder_;
};

TEST_F(Retrofit, KilledAtAnyMomentItEndsWithTheSameWeights) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(run_program(words("whole", 40, {"--quiet"})).exit_code, 0);
    const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
    std::mt19937 random(5);
    int in_between = 0;
    for (int kill_number = 0; kill_number < 10; ++kill_number) {
        const std::string run = "killed-" + std::to_string(kill_number);
        const pid_t child = start_program(words(run), folder_ / "err");
        const double share = std::uniform_real_distribution<double>(0.05, 0.95)(random);
        std::this_thread::sleep_for(share * whole);
        kill(child, SIGKILL);
        wait_for(child);
        const int64_t at = saved(run);
        in_between += at > 0 && at < 40 ? 1 : 0;
        const Words again = at < 0 ? words(run) : Words{"retrofit", "--resume", folder_ / run, "--threads", "1"};
        if (at < 0) fs::remove_all(folder_ / run);
        const Outcome outcome = run_program(again);
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_TRUE(weights(run) == weights("whole")) << "killed at checkpoint " << at;
        for (const auto& entry : fs::recursive_directory_iterator(folder_ / run))
            EXPECT_NE(entry.path().extension(), ".partial") << entry.path();
    }
    EXPECT_GT(in_between, 2) << "kills came too early or too late to say anything";
}

TEST_F(Retrofit, CtrlCSavesAndSaysHowToGoOn) {
    const pid_t child = start_program(words("run", 4000), folder_ / "err");
    for (int i = 0; i < 60'000 && saved("run") < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    kill(child, SIGINT);
    EXPECT_EQ(wait_for(child), 130);
    const std::string said = read_file(folder_ / "err");
    EXPECT_NE(said.find("to go on: t3video retrofit --resume " + (folder_ / "run").string()), std::string::npos)
        << said;
    EXPECT_EQ(training::read_log(folder_ / "run/log.jsonl").last_update(), saved("run")) << "no update is lost";
    EXPECT_NE(read_file(folder_ / "run/report.html").find("stopped"), std::string::npos);
}

TEST_F(Retrofit, AFullDiskLeavesTheLastCheckpointWhole) {
    ASSERT_EQ(run_program(words("whole", 8, {"--quiet"})).exit_code, 0);
    const std::string full = folder_ / "run/checkpoints/000004.safetensors";
    const Outcome outcome = run_program(
        words("run", 8), "ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=" + quoted(T3VIDEO_REFUSING_DISK) +
                             " T3VIDEO_FULL=" + quoted(full) + " ");
    EXPECT_EQ(outcome.exit_code, 1);
    for (const std::string& part : {full, std::string("No space left on device"), std::string("000002.safetensors"),
                                    std::string("is whole"), std::string("t3video retrofit --resume")})
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_EQ(saved("run"), 2);
    ASSERT_EQ(run_program({"retrofit", "--resume", folder_ / "run", "--threads", "1", "--quiet"}).exit_code, 0);
    EXPECT_TRUE(weights("run") == weights("whole"));
}

TEST_F(Retrofit, OptionsOfNewRunsAreNoneOfAResume) {
    ASSERT_EQ(run_program(words("run", 1)).exit_code, 0);
    const Outcome outcome = run_program({"retrofit", "--resume", folder_ / "run", "--rate", "1e-4"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("--rate is for a new run"), std::string::npos) << outcome.err;
    const Outcome nothing = run_program({"retrofit"});
    EXPECT_EQ(nothing.exit_code, 2);
    EXPECT_NE(nothing.err.find("--output"), std::string::npos) << nothing.err;
}

// The demo model on its own kind of clips, at a size that it never saw: twenty steps help.
TEST_F(Retrofit, TwentyStepsOfTheDemoModelLowerItsValidationLoss) {
    const std::string extension = media::has_video_support() ? ".mp4" : ".y4m";
    const auto make = [&](const std::string& name, const Words& further) {
        Words draw{
            "make-clips", "--output", folder_ / (name + "-films"), "--size", "128x128", "--frames", "9", "--extension",
            extension,    "--quiet"};
        draw.insert(draw.end(), further.begin(), further.end());
        ASSERT_EQ(run_program(draw).exit_code, 0);
        const Outcome encoded = run_program({"encode", folder_ / (name + "-films"), "--output", folder_ / name,
                                             "--size", "128x128", "--frames", "9", "--quiet"});
        ASSERT_EQ(encoded.exit_code, 0) << encoded.err;
    };
    make("drawn", {"--count", "24"});
    make("held-out", {"--count", "4", "--held-out"});
    const Outcome outcome =
        run_program({"retrofit", "--data", folder_ / "drawn", "--validation", folder_ / "held-out", "--updates", "20",
                     "--batch", "4", "--rate", "1e-4", "--shift", "3", "--output", folder_ / "demo"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const training::Log log = training::read_log(folder_ / "demo/log.jsonl");
    ASSERT_EQ(log.validations.size(), 2U);
    EXPECT_LT(log.validations[1].mean, 0.98 * log.validations[0].mean) << outcome.err;
    // What it made is a model for everyone.
    const Outcome film = run_program({"generate", "--dit", folder_ / "demo/model/diffusion_pytorch_model.safetensors",
                                      "--prompt", "A red ball drifts left over green hills.", "--size", "128x128",
                                      "--frames", "9", "--steps", "2", "--output", folder_ / ("film" + extension)});
    EXPECT_EQ(film.exit_code, 0) << film.err;
    EXPECT_NE(film.err.find("demo/model/t3-layout.json"), std::string::npos) << film.err;
}

}  // namespace
}  // namespace t3video
