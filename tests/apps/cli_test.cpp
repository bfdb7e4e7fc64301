// The program as a newcomer meets it: help, version, inspect, one small film.
#include <gtest/gtest.h>

#include "support/images.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;

TEST(Cli, HelpListsCommandsAndExamples) {
    const Outcome outcome = run_program({"--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    for (const char* part : {"generate", "inspect", "module", "plan", "version", "Examples:"}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
    }
}

TEST(Cli, GenerateHelpShowsDefaults) {
    const Outcome outcome = run_program({"generate", "--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    for (const char* part :
         {"--prompt", "--size", "832x480", "1280x704", "3840x2160", "--layout", "--seed", ".mp4", ".y4m", "%05d.png"}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
    }
}

TEST(Cli, Version) {
    const Outcome outcome = run_program({"version"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_TRUE(outcome.out.starts_with("t3video ")) << outcome.out;
}

TEST(Cli, InspectShowsTheDemoModel) {
    const Outcome outcome = run_program({"inspect"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const char* part : {"width 192, 4 heads of 48, 10 layers", "bf16", "4,980,672 parameters",
                             "--size 448x256 --frames 17", "5x16x28", "1x4x7"}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    }
}

TEST(Cli, InspectShowsALayout) {
    const Outcome outcome = run_program({"inspect", T3VIDEO_SOURCE "/models/demo/t3-layout.json", "--width", "192"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("3.854 GFLOP"), std::string::npos) << outcome.out;  // 4 * 192 * 2240^2
}

TEST(Cli, GeneratesAFilmCroppedToTheAskedSize) {
    const TemporaryFolder folder;
    const Outcome outcome =
        run_program({"generate", "--prompt", "A red ball drifts left over green hills.", "--size", "250x130",
                     "--frames", "5", "--steps", "2", "--fps", "12", "--output", folder / "film.y4m"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("cropped from 256x144"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("full attention"), std::string::npos) << outcome.err;
    const Y4m film = read_y4m(folder / "film.y4m");
    EXPECT_EQ(film.width, 250);
    EXPECT_EQ(film.height, 130);
    EXPECT_EQ(film.frames.size(), 5u);
    EXPECT_EQ(film.fps, "12:1");
    EXPECT_TRUE(std::filesystem::exists(folder / "film.png"));
    EXPECT_TRUE(std::filesystem::exists(folder / "film.job/latents.safetensors"));

    const std::string first = read_file(folder / "film.y4m");
    const Outcome again =
        run_program({"generate", "--prompt", "A red ball drifts left over green hills.", "--size", "250x130",
                     "--frames", "5", "--steps", "2", "--fps", "12", "--output", folder / "film.y4m"});
    EXPECT_NE(again.err.find("Going on from step 2 of 2"), std::string::npos) << again.err;
    EXPECT_EQ(read_file(folder / "film.y4m"), first);
}

}  // namespace
}  // namespace t3video
