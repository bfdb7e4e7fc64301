// t3video bench: a whole film with random weights, its table and JSON; windows of a layout, sizes in pixels.
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

// With random weights of the released sizes, and of a file, which is of the model's latents or refused.
TEST(BenchDecoder, MeasuresSmallDecoders) {
    const std::string file = T3VIDEO_TEST_DATA "/golden/small-decoders/taew2_1.safetensors";
    const std::vector<std::string> small{"bench", "decoder", "--size", "64x64", "--frames", "5", "--repeat", "0"};
    const auto bench = [&](std::vector<std::string> more) {
        more.insert(more.begin(), small.begin(), small.end());
        return run_program(more);
    };
    for (const std::vector<std::string>& more :
         {std::vector<std::string>{}, {"--model", "wan2.2-5b"}, {"--input", file}}) {
        const Outcome outcome = bench(more);
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_NE(outcome.out.find("small decoder, 5 frames"), std::string::npos) << outcome.out;
    }
    const Outcome refused = bench({"--model", "wan2.2-5b", "--input", file});
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.err.find("decodes latents of 16 channels, but --model wan2.2-5b has 48"), std::string::npos)
        << refused.err;
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

// A run for each pattern, with the FLOP that its windows score; a layout of another grid is refused.
TEST(BenchAttention, MeasuresTheWindowsOfALayout) {
    const TemporaryFolder folder;
    std::vector<std::string> arguments{"bench", "attention", "--size", "448x256", "--frames",
                                       "5",     "--repeat",  "0",      "--json",  folder / "runs.json"};
    const Outcome full = run_program(arguments);
    ASSERT_EQ(full.exit_code, 0) << full.err;
    json runs = json::parse(read_file(folder / "runs.json"))["runs"];
    const double tokens = 2 * 16 * 28, all_pairs = 4 * 1536 * tokens * tokens;
    ASSERT_EQ(runs.size(), 1u);
    EXPECT_DOUBLE_EQ(runs[0]["flop"].get<double>(), all_pairs);

    write_file(folder / "layout.json", R"({"grid": [2, 16, 28], "window_counts": [[2, 1, 1], [1, 4, 7]]})");
    arguments.insert(arguments.end(), {"--layout", folder / "layout.json"});
    const Outcome t3 = run_program(arguments);
    ASSERT_EQ(t3.exit_code, 0) << t3.err;
    runs = json::parse(read_file(folder / "runs.json"))["runs"];
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_DOUBLE_EQ(runs[0]["flop"].get<double>(), all_pairs / 2);       // whole frames: both branches are the same
    EXPECT_DOUBLE_EQ(runs[1]["flop"].get<double>(), all_pairs / 28 * 2);  // blocks and residue classes

    arguments.back() = std::string(T3VIDEO_SOURCE) + "/models/demo/t3-layout.json";
    const Outcome other = run_program(arguments);
    EXPECT_EQ(other.exit_code, 2);
    EXPECT_NE(other.err.find("5x16x28"), std::string::npos) << other.err;
    EXPECT_NE(other.err.find("2x16x28"), std::string::npos) << other.err;
}

// One layer of the transformer with the windows of one pattern.
TEST(BenchDit, MeasuresALayerOfALayout) {
    const TemporaryFolder folder;
    write_file(folder / "layout.json", R"({"grid": [1, 4, 6], "window_counts": [[1, 1, 1], [1, 4, 6]]})");
    double flop[2];
    for (const int layer : {0, 1}) {
        const Outcome outcome =
            run_program({"bench", "dit", "--size", "96x64", "--frames", "1", "--repeat", "0", "--layer",
                         std::to_string(layer), "--layout", folder / "layout.json", "--json", folder / "run.json"});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        flop[layer] = json::parse(read_file(folder / "run.json"))["runs"][0]["flop"].get<double>();
    }
    EXPECT_DOUBLE_EQ(flop[0] - flop[1], 4 * 1536 * (24.0 * 24 - 24));
}

// Clips that one pass takes together: their plan, their table and what each took.
TEST(BenchTrain, TakesSeveralClipsTogether) {
    const TemporaryFolder folder;
    const Outcome outcome = run_program({"bench", "train", "--model", "demo", "--size", "96x64", "--frames", "5",
                                         "--batch", "3", "--repeat", "1", "--json", folder / "runs.json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const char* part : {"3 x 48 tokens; planned: ", "\nforward ", "\nbackward ", "\nupdate ", "\na clip "})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    const json result = json::parse(read_file(folder / "runs.json"));
    EXPECT_EQ(result["batch"], 3);
    EXPECT_LE(result["peak_bytes"].get<double>(), 1.05 * result["planned_bytes"].get<double>());
}

}  // namespace
}  // namespace t3video
