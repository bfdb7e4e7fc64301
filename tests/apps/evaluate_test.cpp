// t3video evaluate, as its users run it.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "media/input/film_reader.h"
#include "media/png.h"
#include "support/files.h"
#include "support/images.h"
#include "support/pictures.h"
#include "support/program.h"

namespace t3video::testing {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// Waves of a size, so many levels brighter.
void write_film(const fs::path& folder, int64_t width, int64_t height, int64_t frames, int brighter = 0) {
    fs::create_directories(folder);
    for (int64_t i = 0; i < frames; ++i) {
        media::Image image = picture(width, height, i);
        for (uint8_t& value : image.rgb) value = static_cast<uint8_t>(std::min(255, value + brighter));
        media::write_png(folder / (std::to_string(i) + ".png"), image);
    }
}

class Evaluate : public ::testing::Test {
  protected:
    Outcome evaluate(std::vector<std::string> words) {
        words.insert(words.begin(), "evaluate");
        words.insert(words.end(), {"--output", (folder_ / "out").string()});
        return run_program(words);
    }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    json report() const { return json::parse(read_file(folder_ / "out" / "evaluation.json")); }
    json film(size_t set, size_t i) const { return report()["sets"][set]["films"][i]; }

    TemporaryFolder folder_;
};

TEST_F(Evaluate, AFilmAgainstItselfIsPerfect) {
    write_film(folder_ / "a", 64, 64, 3);
    const Outcome run = evaluate({"a=" + path("a"), "b=" + path("a"), "--reference", "a"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_NE(run.out.find("PSNR"), std::string::npos) << run.out;
    EXPECT_TRUE(is_regular_file(folder_ / "out" / "index.html"));
    EXPECT_TRUE(is_regular_file(folder_ / "out" / "evaluation.csv"));
    const json values = film(1, 0)["values"];
    EXPECT_EQ(values["psnr"]["value"], 100);
    EXPECT_EQ(values["ssim"]["value"], 1);
    EXPECT_EQ(values["ms_ssim"]["value"], 1);
    EXPECT_EQ(report()["reference"], "a");
    EXPECT_FALSE(film(0, 0)["values"].contains("psnr"));  // the reference itself
    EXPECT_EQ(film(1, 0)["frames"], 3);
}

TEST_F(Evaluate, SetsAreMatchedByName) {
    for (const char* name : {"0", "1"}) write_film(folder_ / "ref" / name, 48, 32, 2);
    write_film(folder_ / "new" / "0", 48, 32, 2, 1);
    write_film(folder_ / "new" / "1", 48, 32, 2, 8);
    const Outcome run = evaluate({"new=" + path("new"), "--reference", "ref=" + path("ref"), "--metrics", "psnr,ssim"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(report()["sets"].size(), 2U);
    EXPECT_NEAR(film(1, 0)["values"]["psnr"]["value"].get<double>(), 48.13, 0.1);  // 20 log10(255 / 1)
    EXPECT_NEAR(film(1, 1)["values"]["psnr"]["value"].get<double>(), 30.07, 0.3);  // but for values that stop at 255
    EXPECT_FALSE(film(1, 0)["values"].contains("flicker"));
    EXPECT_EQ(report()["sets"][1]["mean"]["psnr"]["count"], 2);
}

// One line each, and what can be measured is.
TEST_F(Evaluate, WhatDiffersIsNotComparedAndTheRestGoesOn) {
    for (const char* name : {"good", "size", "length", "broken", "alone"})
        write_film(folder_ / "new" / name, 48, 32, 3);
    write_film(folder_ / "ref" / "good", 48, 32, 3);
    write_film(folder_ / "ref" / "size", 32, 32, 3);
    write_film(folder_ / "ref" / "length", 48, 32, 5);
    write_film(folder_ / "ref" / "broken", 48, 32, 3);
    write_file(folder_ / "new" / "broken" / "1.png", "no picture");
    const Outcome run = evaluate({path("new"), "--reference", path("ref"), "--metrics", "psnr,flicker,colour_drift"});
    EXPECT_EQ(run.exit_code, 2);
    const auto says = [&](const std::string& text) {
        EXPECT_NE(run.err.find(text), std::string::npos) << text << run.err;
    };
    says("it is 48x32, its reference");
    says("is 32x32");
    says("it has 3 frames, its reference");
    says("has 5");
    says("has no film of this name");
    says("1.png");
    says("4 films or scores could not be measured or compared");
    for (const json& film : report()["sets"][1]["films"]) {
        const std::string name = film["name"];
        EXPECT_EQ(film["values"].contains("psnr"), name == "good") << name;
        EXPECT_EQ(film["values"].contains("colour_drift"), name != "broken") << name;
        EXPECT_EQ(film["error"].is_null(), name != "broken") << name;
    }
}

TEST_F(Evaluate, AReferenceThatBreaksLeavesWhatTheFilmShowsAlone) {
    write_film(folder_ / "a", 48, 32, 3);
    write_film(folder_ / "b", 48, 32, 3);
    write_file(folder_ / "b" / "2.png", "no picture");
    const Outcome run = evaluate({path("a"), "--reference", path("b"), "--metrics", "psnr,colour_drift"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_NE(run.err.find("2.png"), std::string::npos) << run.err;
    EXPECT_TRUE(film(1, 0)["values"].contains("colour_drift"));
    EXPECT_FALSE(film(1, 0)["values"].contains("psnr"));
}

TEST_F(Evaluate, ScorersGetFilmAndPrompt) {
    write_film(folder_ / "films" / "00000", 32, 32, 2);
    write_film(folder_ / "films" / "00001", 32, 32, 2);
    write_file(folder_ / "list.json", R"([{"prompt_en": "A $(false) \"ball\"."}, {"prompt_en": "two words"}])");
    const Outcome run = evaluate({path("films"), "--prompts", path("list.json"), "--metrics", "colour_drift",
                                  "--scorer", R"(words=sh -c 'ls "$1" >/dev/null && echo "$2" | wc -w' x)", "--scorer",
                                  "bad=echo nonsense; false", "--scorer-seconds", "20"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(film(0, 0)["scores"]["words"]["value"], 3);
    EXPECT_EQ(film(0, 1)["scores"]["words"]["value"], 2);
    EXPECT_TRUE(film(0, 0)["scores"]["bad"]["value"].is_null());
    EXPECT_EQ(film(0, 0)["prompt"], "A $(false) \"ball\".");
    EXPECT_NE(run.err.find("bad"), std::string::npos) << run.err;
}

// The twin is what --attention full makes of the same request.
TEST_F(Evaluate, AgainstFullAttention) {
    const std::vector<std::string> request = {"generate", "--prompt", "A red ball falls.", "--size", "96x64",
                                              "--frames", "5",        "--steps",           "1",      "--quiet",
                                              "--output"};
    const auto make = [&](std::vector<std::string> words, const std::string& output) {
        words.insert(words.begin(), request.begin(), request.end());
        words.insert(words.begin() + static_cast<int64_t>(request.size()), path(output));
        const Outcome made = run_program(words);
        ASSERT_EQ(made.exit_code, 0) << made.err;
    };
    const std::string windows =
        write_file(folder_ / "t3.json", R"({"grid": [2, 4, 6], "window_counts": [[2, 2, 3]]})").string();
    make({"--layout", windows}, "film/");
    make({"--attention", "full"}, "full/");
    const Outcome run = evaluate({path("film"), "--full-attention", "--metrics", "psnr"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(report()["reference"], "full attention");
    EXPECT_LT(film(1, 0)["values"]["psnr"]["value"].get<double>(), 60);
    for (const char* frame : {"00000.png", "00004.png"}) {
        const media::Image twin = read_png(folder_ / "out" / "full-attention" / "film" / frame);
        EXPECT_TRUE(twin == read_png(folder_ / "full" / frame)) << frame;
    }
}

TEST_F(Evaluate, WrongRequestsAreOneLine) {
    write_film(folder_ / "a", 32, 32, 2);
    write_file(folder_ / "empty.json", "[]");
    const auto refuses = [&](const std::vector<std::string>& words, const std::string& text) {
        const Outcome run = evaluate(words);
        EXPECT_EQ(run.exit_code, 2) << text;
        EXPECT_NE(run.err.find(text), std::string::npos) << run.err;
        EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
    };
    refuses({}, "expected films");
    refuses({path("none")}, "there is no such file");
    refuses({"--metrics", "psnr,vqa", path("a")}, "--metrics vqa: expected some of psnr");
    refuses({path("a"), "--metrics", "psnr,vqa"}, "--metrics vqa: expected some of psnr");
    refuses({path("a"), "--scorer", "echo 1"}, "echo 1");
    refuses({path("a"), "--scorer", "x=echo 1", "--scorer", "x=echo 2"}, "two scorers called x");
    refuses({path("a"), "--prompts", path("empty.json")}, "empty.json");
    refuses({path("a"), "--layout", path("empty.json")}, "empty.json");
    refuses({path("a"), path("a")}, "two sets are called");
    refuses({path("a"), "--steps=3"}, "--steps");
    refuses({path("a"), "--full-attention", "--reference", path("a")}, "leave one out");
    EXPECT_FALSE(exists(folder_ / "out"));  // nothing is made for a wrong request
    write_file(folder_ / "out" / "index.html", "mine");
    refuses({path("a")}, "index.html that is no report of t3video");
    EXPECT_EQ(read_file(folder_ / "out" / "index.html"), "mine");
}

// Nothing is made for a request that is refused.
TEST_F(Evaluate, FilesOfOthersAndPlacesThatCannotBeWrittenAreRefusedAtOnce) {
    write_film(folder_ / "a", 32, 32, 2);
    const auto refuses = [&](const std::string& output, const std::string& text) {
        const Outcome run = run_program(
            {"evaluate", path("a"), "--scorer", "x=echo run >'" + path("ran") + "'; echo 1 #", "-o", output});
        EXPECT_EQ(run.exit_code, 2) << output;
        EXPECT_NE(run.err.find(text), std::string::npos) << run.err;
        EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
        EXPECT_FALSE(exists(folder_ / "ran"));
    };
    for (const char* name : {"evaluation.csv", "evaluation.json", "index.html"}) {
        const fs::path own = write_file(folder_ / "own" / name, "mine");
        refuses(path("own"), std::string("holds an ") + name + " that is no report of t3video");
        EXPECT_EQ(read_file(own), "mine");
        fs::remove(own);
        fs::create_directory(own);
        refuses(path("own"), std::string("holds an ") + name);
        fs::remove(own);
    }
    write_file(folder_ / "file", "x");
    fs::create_symlink(folder_ / "none", folder_ / "dangling");
    refuses(path("file"), "--output " + path("file") + ": is no folder");
    refuses(path("dangling"), "is a link that leads nowhere");
    refuses("/proc/x", "--output /proc/x: cannot be made");
    const Outcome run = evaluate({path("a"), "--metrics", "colour_drift"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(evaluate({path("a"), "--metrics", "colour_drift"}).exit_code, 0);  // over its own
}

TEST_F(Evaluate, OptionsThatCannotCountAreRefused) {
    write_film(folder_ / "a", 32, 32, 2);
    write_file(folder_ / "broken.json", "{\"grid\": [1,");
    write_file(folder_ / "empty.json", "");
    const auto refuses = [&](std::vector<std::string> words, const std::string& text) {
        words.insert(words.begin(), path("a"));
        const Outcome run = evaluate(words);
        EXPECT_EQ(run.exit_code, 2) << text;
        EXPECT_NE(run.err.find(text), std::string::npos) << text << "\n" << run.err;
        EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
        EXPECT_FALSE(exists(folder_ / "out")) << text;
    };
    refuses({"--metrics", "psnr"}, "--metrics psnr: needs films to compare with, as --reference");
    refuses({"--metrics", "grid_close"},
            "--metrics grid_close: needs the windows that films were made in, as --layout or --model");
    refuses({"--metrics", "latent_cosine"}, "--metrics latent_cosine: needs latents");
    refuses({"--metrics", ","}, "--metrics ,: expected some of psnr");
    refuses({"--scorer-seconds", "nan"}, "--scorer-seconds nan: expected 0.1 to 1000000");
    refuses({"--scorer-seconds", "0"}, "--scorer-seconds 0: expected 0.1 to 1000000");
    refuses({"--scorer-seconds", "1e7"}, "--scorer-seconds 1e7: expected 0.1 to 1000000");
    refuses({"--scorer", "x=echo 1;"}, "--scorer x=echo 1;: film and prompt follow as two further words");
    refuses({"--device", "tpu"}, "--device tpu: belongs to --full-attention");
    refuses({"--device", "cuda:9"}, "--device cuda:9: belongs to --full-attention");
    refuses({"--dtype", "int8"}, "--dtype int8: belongs to --full-attention");
    refuses({"--dit", "nope"}, "--dit: belongs to --full-attention, or to --model");
    refuses({"--lora", "nope"}, "--lora: belongs to --full-attention, or to --model");
    refuses({"--vae", "nope.pth"}, "--vae: belongs to --full-attention, or to --model");
    refuses({"--model", T3VIDEO_SOURCE "/models/demo", "--vae", "nope.pth"}, "nope.pth");
    refuses({"--layout", path("broken.json")}, "broken.json: no valid JSON; expected {\"grid\"");
    refuses({"--layout", path("empty.json")}, "empty.json: is empty; expected {\"grid\"");
    refuses({"--reference", path("a")}, "is the only set");
    refuses({"--full-attention", "--device", "tpu"}, "--device tpu");
    refuses({"--full-attention", "--dtype", "int8"}, "--dtype int8");
    refuses({"--full-attention"}, "--full-attention: " + path("a") + " cannot be made with it: ");
}

TEST_F(Evaluate, FilmsWithoutTwinsLeaveNothing) {
    const std::vector<std::string> request = {"generate", "--prompt",   "A red ball falls.", "--size", "96x64",
                                              "--frames", "5",          "--steps",           "1",      "--quiet",
                                              "--output", path("film/")};
    ASSERT_EQ(run_program(request).exit_code, 0);
    const auto refuses = [&](const std::vector<std::string>& words, const std::string& text) {
        const Outcome run = evaluate(words);
        EXPECT_EQ(run.exit_code, 2) << text;
        EXPECT_NE(run.err.find(text), std::string::npos) << run.err;
        EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
        EXPECT_FALSE(exists(folder_ / "out")) << text;
    };
    refuses({path("film"), "--full-attention", "--quiet", "--memory", "30MiB"}, "--memory");
    refuses({"full attention=" + path("film"), "--full-attention"}, "two sets are called full attention");
    const fs::path own = write_file(folder_ / "out" / "full-attention" / "film" / "00000.png", "mine");
    const Outcome run = evaluate({path("film"), "--full-attention", "--quiet"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
    EXPECT_EQ(read_file(own), "mine");
    EXPECT_FALSE(exists(folder_ / "out" / "evaluation.json"));
}

TEST_F(Evaluate, AMetricThatIsNamedTwiceIsMeasuredOnce) {
    write_film(folder_ / "a", 48, 32, 3);
    const Outcome run = evaluate({path("a"), "--metrics", "flicker, colour_drift,,flicker", "--metrics", "flicker"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(report()["metrics"].size(), 2U);
    EXPECT_EQ(run.out.find("Flicker"), run.out.rfind("Flicker"));
}

TEST_F(Evaluate, TooLittleMemoryIsSaidInOptions) {
    write_film(folder_ / "a", 48, 32, 3);
    const Outcome run = evaluate({path("a"), "--memory", "1"});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_NE(run.err.find("but 1 byte may be used; make it smaller, or allow more with --memory"), std::string::npos)
        << run.err;
}

// A program in place of vmaf that fails in one way after the other; films keep their other numbers.
TEST_F(Evaluate, AVmafThatFailsIsSaidOfEachFilm) {
    for (const char* set : {"a", "b"}) {
        for (const char* film : {"1.y4m", "2.y4m"})
            write_file(folder_ / set / film, "YUV4MPEG2 W32 H32 F8:1 Ip A1:1 C444\nFRAME\n" +
                                                 std::string(3 * 32 * 32, 'x') + "FRAME\n" +
                                                 std::string(3 * 32 * 32, 'x'));
    }
    const auto fails = [&](const std::string& script, const std::string& text, const std::string& setting = "") {
        const fs::path program = write_file(folder_ / "bin/vmaf", "#!/bin/sh\n" + script);
        fs::permissions(program, fs::perms::owner_all);
        write_file(folder_ / "bin/ffmpeg", "#!/bin/sh\nexit 9\n");
        fs::permissions(folder_ / "bin/ffmpeg", fs::perms::owner_all);
        const Outcome run = run_program({"evaluate", path("a"), "--reference", path("b"), "--metrics", "psnr,vmaf",
                                         "--scorer-seconds", "1", "-o", path("out")},
                                        setting + "PATH='" + path("bin") + "':/usr/bin:/bin ");
        EXPECT_EQ(run.exit_code, 2) << script;
        for (const char* film : {"1.y4m", "2.y4m"})
            EXPECT_NE(run.err.find(path("a") + "/" + film + ": vmaf: " + text), std::string::npos) << script << run.err;
        EXPECT_EQ(film(1, 1)["values"]["psnr"]["value"], 100) << script;
    };
    fails("exit 9\n", "vmaf ended with exit status 9");
    fails("sleep 1000\n", "vmaf took longer than 1 s");
    fails("exit 0\n", "vmaf wrote no scores of frames");
    fails("mkdir \"$7\"\n", "vmaf wrote no scores of frames");
    fails("mkfifo \"$7\"\n", "vmaf wrote no scores of frames");
    fails("exit 0\n", "no folder for its log in /nonexistent", "TMPDIR=/nonexistent ");
}

TEST_F(Evaluate, AVmafThatIsNotThereIsNamed) {
    write_film(folder_ / "a", 32, 32, 2);
    write_film(folder_ / "b", 32, 32, 2);
    fs::create_directory(folder_ / "bin");
    const Outcome run =
        run_program({"evaluate", path("a"), "--reference", path("b"), "--metrics", "vmaf", "-o", path("out")},
                    "PATH='" + path("bin") + "' ");
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_NE(run.err.find("--metrics vmaf: needs an ffmpeg with libvmaf"), std::string::npos) << run.err;
}

// What was measured by then is reported, marked as not being all.
TEST_F(Evaluate, AStopKeepsTheFilmsThatAreFinished) {
    write_film(folder_ / "films" / "0", 32, 32, 2);
    write_film(folder_ / "films" / "1", 32, 32, 2);
    const auto stop = [&](const std::string& waits_for) {
        const std::string scorer = "case $T3VIDEO_FILM in */" + waits_for + ") echo there >'" + path("there") +
                                   "'; sleep 1000;; esac; echo 1 #";
        const pid_t program = start_program({"evaluate", path("films"), "--metrics", "colour_drift", "--quiet",
                                             "--scorer", "x=" + scorer, "-o", path("out")},
                                            folder_ / "err");
        for (int i = 0; i < 3000 && !exists(folder_ / "there"); ++i) usleep(10000);
        kill(program, SIGINT);
        EXPECT_EQ(wait_for(program), 130);
        fs::remove(folder_ / "there");
    };
    stop("0");
    EXPECT_FALSE(exists(folder_ / "out"));
    stop("1");
    EXPECT_EQ(report()["films_left"], 1);
    EXPECT_EQ(report()["sets"][0]["films"].size(), 1U);
    EXPECT_NE(read_file(folder_ / "out" / "index.html").find("It was stopped: 1 film was not measured"),
              std::string::npos);
    EXPECT_NE(read_file(folder_ / "err").find("lacks 1"), std::string::npos) << read_file(folder_ / "err");
}

TEST_F(Evaluate, AFullDiskLeavesNoHalfOfAReport) {
    write_film(folder_ / "a", 32, 32, 2);
    fs::create_directory(folder_ / "out");
    const Outcome run =
        run_program({"evaluate", path("a"), "--metrics", "colour_drift", "-o", path("out")},
                    "ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=" + quoted(T3VIDEO_REFUSING_DISK) +
                        " T3VIDEO_FULL=" + quoted(path("out/index.html")) + " ");
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_NE(run.err.find("No space left on device; make room"), std::string::npos) << run.err;
    EXPECT_NE(run.out.find("Colour"), std::string::npos) << run.out;  // the numbers at least
    EXPECT_TRUE(fs::is_empty(folder_ / "out"));
}

// As other programs have it, for all commands.
TEST(StandardOutput, ReadersMayLeaveAndDisksMayBeFull) {
    const TemporaryFolder folder;
    const std::string layout = quoted(test_data() + "golden/wan21-tiny/t3-layout.json");
    for (const std::string& command : {std::string("evaluate --describe"), std::string("evaluate --help"),
                                       std::string("version"), "inspect " + layout}) {
        const std::string errors = quoted((folder / "err").string()), code = quoted((folder / "code").string());
        const std::string start = quoted(program_path()) + " " + command + " 2>" + errors;
        ASSERT_EQ(std::system(("{ sleep 0.3; " + start + "; echo $? >" + code + "; } | true").c_str()), 0);
        EXPECT_EQ(read_file(folder / "err"), "") << command;
        const std::string ended = read_file(folder / "code");
        EXPECT_EQ(ended, "141\n") << command;
        EXPECT_EQ(WEXITSTATUS(std::system((start + " >/dev/full").c_str())), 2) << command;
        EXPECT_NE(
            read_file(folder / "err").find("t3video: standard output: cannot be written: No space left on device"),
            std::string::npos)
            << command << read_file(folder / "err");
    }
}

// docs/metrics.md is what --describe prints, between its own words.
TEST(EvaluateDescribe, IsInTheDocumentation) {
    const Outcome run = run_program({"evaluate", "--describe"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_NE(run.out.find("## PSNR"), std::string::npos);
    const std::string page = read_file(fs::path(T3VIDEO_SOURCE) / "docs/metrics.md");
    EXPECT_TRUE(page.find(run.out) != std::string::npos)
        << "docs/metrics.md: put in what t3video evaluate --describe prints";
}

}  // namespace
}  // namespace t3video::testing
