// t3video layout: table, JSON, the file for other commands, and the picture.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "core/input_file.h"
#include "support/files.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
using nlohmann::json;

json planned(std::vector<std::string> words) {
    words.insert(words.begin(), "layout");
    words.emplace_back("--json");
    const Outcome outcome = run_program(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return json::parse(outcome.out);
}

TEST(LayoutCommand, ShowsThePublishedTable) {
    const Outcome outcome = run_program({"layout"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const char* part : {"3840x2160, 81 frames", "T3 windows of the published 4K table", "21x136x240", "1x17x30",
                             "72.8 times", "43.0 times", "after layers"}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    }
    const json wan22 = planned({"--model", "wan2.2"});
    EXPECT_EQ(wan22["layout"]["grid"], json({21, 68, 120}));
    EXPECT_EQ(wan22["layout"]["window_counts"][4], json({7, 4, 8}));
}

TEST(LayoutCommand, KeepsABudget) {
    const json layout = planned({"--size", "1280x720", "--budget", "30.9"});
    EXPECT_GE(layout["saving"]["as_paper"], 30.9);
    EXPECT_LE(layout["saving"]["as_paper"], 34);
    EXPECT_EQ(layout["reach"].size(), 5U);
    EXPECT_EQ(layout["reach"][4]["mean"], 1.0);
    EXPECT_EQ(layout["tokens"], 21 * 45 * 80);
}

// What it writes other commands read, and a film is made with it.
TEST(LayoutCommand, WritesForOtherCommands) {
    const TemporaryFolder folder;
    const std::string file = folder / "t3-layout.json", film = folder / "film.y4m";
    const std::string demo = T3VIDEO_SOURCE "/models/demo";
    const Outcome written = run_program({"layout", "--model", demo, "--size", "96x64", "--frames", "5",
                                         "--window-tokens", "6", "--schedule", "1,0,2", "--output", file});
    ASSERT_EQ(written.exit_code, 0) << written.err;
    EXPECT_NE(written.out.find("planned from those of " + demo), std::string::npos) << written.out;
    const json layout = json::parse(read_text_file(file, "a layout"));
    EXPECT_EQ(layout["grid"], json({2, 4, 6}));
    EXPECT_EQ(layout["schedule"], json({1, 0, 2}));
    const Outcome made = run_program({"generate", "--prompt", "A red ball.", "--size", "96x64", "--frames", "5",
                                      "--steps", "1", "--layout", file, "--output", film});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    EXPECT_TRUE(std::filesystem::exists(film));
    EXPECT_EQ(run_program({"inspect", file}).exit_code, 0);
}

// Files that are there stay, unless they may go; what windows are planned from stays at any rate.
TEST(LayoutCommand, ReplacesNothingUnasked) {
    const TemporaryFolder folder;
    const std::string file = folder / "t3-layout.json", other = folder / "other.json";
    const auto layout = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"layout", "--size", "1280x720"});
        return run_program(words);
    };
    ASSERT_EQ(layout({"--output", file}).exit_code, 0);
    const std::string before = read_text_file(file, "a layout");
    for (const char* option : {"--output", "--svg"}) {
        const Outcome there = layout({"--frames", "33", option, file});
        EXPECT_EQ(there.exit_code, 2);
        EXPECT_NE(there.err.find("--overwrite"), std::string::npos) << there.err;
        const Outcome source = layout({"--frames", "33", "--layout", file, option, file, "--overwrite"});
        EXPECT_EQ(source.exit_code, 2);
        EXPECT_NE(source.err.find("planned from"), std::string::npos) << source.err;
    }
    EXPECT_EQ(layout({"--svg", other, "--output", folder / "./other.json"}).exit_code, 2);
    EXPECT_EQ(read_text_file(file, "a layout"), before);
    EXPECT_EQ(layout({"--frames", "33", "--output", file, "--overwrite"}).exit_code, 0);
    EXPECT_NE(read_text_file(file, "a layout"), before);
}

TEST(LayoutCommand, DrawsAPicture) {
    const TemporaryFolder folder;
    const std::string file = folder / "windows.svg";
    const Outcome outcome = run_program({"layout", "--size", "480x832", "--frames", "33", "--svg", file});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const std::string svg = read_text_file(file, "a picture");
    EXPECT_TRUE(svg.starts_with("<svg ")) << svg.substr(0, 100);
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
    for (const char* part : {"480x832, 33 frames", "Layer 4: pattern 4", "close window", "remote window",
                             "Reached after 5 layers", "100 % of all tokens", "9x1x1 windows of 1,560 tokens"}) {
        EXPECT_NE(svg.find(part), std::string::npos) << part;
    }
    // Three slices for each of five patterns with three colours, and for five reaches.
    const auto count = [&](const std::string& what) {
        size_t found = 0;
        for (size_t at = svg.find(what); at != std::string::npos; at = svg.find(what, at + 1)) ++found;
        return found;
    };
    EXPECT_EQ(count("<path fill=\"#"), 3U * 5 * 3 + 3 * 5);
    EXPECT_EQ(count("<"), count(">"));
}

}  // namespace
}  // namespace t3video
