// t3video bench pipeline: a whole film with random weights, its table and JSON.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ops/devices.h"
#include "support/images.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
using nlohmann::json;

std::vector<std::string> film(std::vector<std::string> options) {
    std::vector<std::string> arguments{"bench", "pipeline", "--model", "demo",    "--size",
                                       "256",   "--frames", "5",       "--steps", "2"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
}

TEST(BenchPipeline, ShowsTheStagesOfAFilm) {
    const TemporaryFolder folder;
    const Outcome outcome = run_program(film({"--json", folder / "film.json"}));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const char* part : {"demo at random, 256x256, 5 frames, 2 steps of euler, cfg 3", "\ntext ", "\ndenoise ",
                             "\ndecode ", "\nall ", "MiB"}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    }
    const json result = json::parse(read_file(folder / "film.json"));
    EXPECT_EQ(result["frames"], 5);
    EXPECT_EQ(result["steps"], 2);
    ASSERT_EQ(result["stages"].size(), 3u);
    double sum = 0;
    for (const json& stage : result["stages"]) {
        EXPECT_GT(stage["seconds"].get<double>(), 0) << stage;
        EXPECT_GT(stage["peak_bytes"].get<double>(), 1e6) << stage;
        EXPECT_GT(stage["planned_bytes"].get<double>(), 1e6) << stage;
        sum += stage["seconds"].get<double>();
    }
    EXPECT_DOUBLE_EQ(result["seconds"].get<double>(), sum);
}

// The film itself is of no use, but it is one, and the same one every time.
TEST(BenchPipeline, WritesFrames) {
    const TemporaryFolder folder;
    for (const char* name : {"one.y4m", "two.y4m"}) {
        const Outcome outcome = run_program(film({"--cfg", "1", "--output", folder / name}));
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_NE(outcome.out.find("\ndecode+write "), std::string::npos) << outcome.out;
    }
    const Y4m one = read_y4m(folder / "one.y4m");
    EXPECT_EQ(one.width, 256);
    EXPECT_EQ(one.height, 256);
    EXPECT_EQ(one.frames.size(), 5u);
    EXPECT_EQ(read_file(folder / "one.y4m"), read_file(folder / "two.y4m"));
}

// What the card was seen to use stays within the plan, resident and streamed.
TEST(BenchPipeline, KeepsToThePlanOnGpu) {
    if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
    const TemporaryFolder folder;
    for (const char* memory : {"40GiB", "7GiB"}) {
        const Outcome outcome = run_program({"bench", "pipeline", "--device", "cuda", "--size", "480p", "--frames", "9",
                                             "--steps", "2", "--memory", memory, "--json", folder / "film.json"});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        const json result = json::parse(read_file(folder / "film.json"));
        for (const json& stage : result["stages"])
            EXPECT_LE(stage["peak_bytes"].get<double>(), stage["planned_bytes"].get<double>()) << stage;
        EXPECT_EQ(result["stages"][0]["streamed"], std::string(memory) == "7GiB");
    }
}

}  // namespace
}  // namespace t3video
