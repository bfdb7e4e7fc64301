// t3video evaluate on films that are broken, missing, or of another kind: a line each, and the others are measured.
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "checkpoint/tensor_source.h"
#include "media/frame_writer.h"
#include "media/video_writer.h"
#include "support/files.h"
#include "support/images.h"
#include "support/pictures.h"
#include "support/program.h"

namespace t3video::testing {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

size_t times(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

class EvaluateInputs : public ::testing::Test {
  protected:
    Outcome evaluate(std::vector<std::string> words) {
        words.insert(words.begin(), {"evaluate", "--quiet"});
        words.insert(words.end(), {"--output", path("out")});
        return run_program(words);
    }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    json report() const { return json::parse(read_file(folder_ / "out" / "evaluation.json")); }
    json film(size_t set, const std::string& name) const {
        const json all = report();
        for (const json& film : all["sets"][set]["films"]) {
            if (film["name"] == name) return film;
        }
        return {};
    }
    std::string video(const std::string& name, int64_t frames = 8) const {
        fs::create_directories((folder_ / name).parent_path());
        const auto writer = media::open_writer(folder_ / name, 64, 64, 16);
        for (int64_t i = 0; i < frames; ++i) writer->write(picture(64, 64, i));
        writer->close();
        return path(name);
    }
    std::string latents(const std::string& name, double bad = 0) const {
        Tensor x = empty_on_host({2, 2, 4, 4}, DType::f32);
        for (int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = static_cast<float>(i == 5 && bad != 0 ? bad : i);
        fs::create_directories((folder_ / name).parent_path());
        checkpoint::save_safetensors(folder_ / name, {{"latents", x}});
        return path(name);
    }
    // A line of its own, once; the program is quiet otherwise.
    static void expect_line(const Outcome& run, const std::string& text) {
        EXPECT_EQ(times(run.err, text), 1U) << text << "\n" << run.err;
    }

    TemporaryFolder folder_;
};

TEST_F(EvaluateInputs, AFilmThatWasCutIsBrokenAndTheOthersAreMeasured) {
    video("set/whole.y4m", 24);
    const std::string whole = read_file(video("whole.y4m", 24));
    write_file(folder_ / "set" / "cut.y4m", whole.substr(0, whole.size() / 2));
    const Outcome run = evaluate({path("set")});
    EXPECT_EQ(run.exit_code, 2);
    expect_line(run, "cut.y4m: cut in the middle of frame 11");
    EXPECT_EQ(film(0, "whole")["frames"], 24);
    EXPECT_TRUE(film(0, "cut")["values"].empty());
}

TEST_F(EvaluateInputs, WhatFollowsTheFramesMayBeMissing) {
    if (!media::has_video_support()) GTEST_SKIP() << "no FFmpeg";
    const std::string whole = read_file(video("whole.mkv", 24));
    write_file(folder_ / "set" / "half.mkv", whole.substr(0, whole.size() / 2));
    write_file(folder_ / "set" / "index.mkv", whole.substr(0, whole.size() - 3));
    const Outcome run = evaluate({path("set")});
    EXPECT_EQ(run.exit_code, 2);
    expect_line(run, "half.mkv: damaged, or its download is not complete: ");
    expect_line(run, " frames of about 24 are there\n");
    EXPECT_EQ(film(0, "index")["frames"], 24);
    EXPECT_EQ(film(0, "index")["error"], nullptr);
}

TEST_F(EvaluateInputs, ABrokenFilmIsSaidOnceAndTheOthersAreCompared) {
    for (const char* name : {"whole", "gap", "twice", "bad"}) write_pictures(folder_ / "set" / name, 8);
    write_pictures(folder_ / "set" / "short", 1);
    fs::remove(folder_ / "set" / "gap" / "3.png");
    fs::copy(folder_ / "set" / "twice" / "3.png", folder_ / "set" / "twice" / "0003.png");
    write_file(folder_ / "set" / "bad" / "1.png", "no picture");
    const Outcome run = evaluate({"new=" + path("set"), "--reference", path("set/whole")});
    EXPECT_EQ(run.exit_code, 2);
    expect_line(run, "gap: picture 3 of 0 to 7 is missing");
    expect_line(run, "are picture 3; expected one of them");
    expect_line(run, "bad/1.png");
    expect_line(run, "it has 1 frame, its reference ");
    expect_line(run, "4 films or scores could not be measured or compared");
    EXPECT_TRUE(film(1, "whole")["values"].contains("psnr"));
    EXPECT_TRUE(film(1, "gap")["values"].empty());
}

TEST_F(EvaluateInputs, WhatTheSystemDoesNotTellOfIsALine) {
    write_pictures(folder_ / "set" / "good", 2);
    fs::create_symlink("circle", folder_ / "set" / "circle");
    fs::create_symlink("loop.mp4", folder_ / "set" / "loop.mp4");
    const Outcome run = evaluate({path("set")});
    EXPECT_EQ(run.exit_code, 2);
    expect_line(run, "set/circle: ");
    expect_line(run, "set/loop.mp4: ");
    EXPECT_TRUE(film(0, "good")["values"].contains("colour_drift"));
}

TEST_F(EvaluateInputs, WhatIsNotReadIsNamed) {
    write_pictures(folder_ / "set" / "good", 2);
    latents("set/0.safetensors");
    fs::create_directories(folder_ / "set" / "1.mp4");
    fs::create_directories(folder_ / "set" / "empty");
    write_file(folder_ / "set" / "notes.txt", "x");
    const Outcome run = evaluate({path("set")});
    EXPECT_EQ(run.exit_code, 0);
    expect_line(run,
                "set: not read: 0.safetensors (latents beside films); 1.mp4, empty (folders without PNG pictures)\n");
    EXPECT_EQ(times(run.err, "\n"), 1U) << run.err;
}

TEST_F(EvaluateInputs, PromptsWithoutFilmsAreNamed) {
    write_pictures(folder_ / "set" / "00001", 2);
    write_file(folder_ / "list.json", R"(["zero", "one", "two < three"])");
    const Outcome run = evaluate({"new=" + path("set"), "--prompts", path("list.json")});
    EXPECT_EQ(run.exit_code, 0);
    expect_line(run, "new: 2 of 3 prompts have no film here: 00000, 00002\n");
    const json missing = report()["sets"][0]["missing"];
    EXPECT_EQ(missing,
              json::parse(R"([{"name": "00000", "prompt": "zero"}, {"name": "00002", "prompt": "two < three"}])"));
    const std::string page = read_file(folder_ / "out" / "index.html");
    EXPECT_NE(page.find("has no film of 2 prompts of the list"), std::string::npos);
    EXPECT_NE(page.find("<li>two &lt; three <small>00002</small></li>"), std::string::npos);
}

TEST_F(EvaluateInputs, FilmsWithoutPromptsAreNamed) {
    write_file(folder_ / "list.json", R"(["zero"])");
    write_pictures(folder_ / "set" / "00000", 2);
    write_pictures(folder_ / "set" / "00001", 2);
    const auto says = [&](const std::string& films, const std::string& text) {
        const Outcome run = evaluate({"new=" + films, "--prompts", path("list.json")});
        EXPECT_EQ(run.exit_code, 0);
        expect_line(run, text);
        EXPECT_EQ(times(run.err, "no prompt of the list is"), 1U);
    };
    says(path("set"), "new: no prompt of the list is that of 00001; its films are called 00000\n");
    says(path("set/00001"), "new: no prompt of the list is that of 00001; its films are called 00000\n");
    says(latents("x.safetensors"), "new: no prompt of the list is that of x; its films are called 00000\n");
    write_file(folder_ / "list.json", R"(["zero", "one", "two"])");
    says(latents("x.safetensors"), "its films are called 00000 to 00002\n");
}

TEST_F(EvaluateInputs, ScorersNeedFilms) {
    const Outcome run = evaluate({"new=" + latents("x.safetensors"), "--scorer", "one=echo 1"});
    EXPECT_EQ(run.exit_code, 0);
    expect_line(run, "new: these are latents, and scorers need films: none is run\n");
}

TEST_F(EvaluateInputs, LatentsThatAreNoNumbersAreBrokenAlone) {
    latents("set/0.safetensors");
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        latents("set/1.safetensors", bad);
        const Outcome run = evaluate({path("set")});
        EXPECT_EQ(run.exit_code, 2);
        expect_line(run, "1.safetensors: latents hold values that are infinite or not numbers");
    }
}

// The fault of the reference once, and each film that was not compared.
TEST_F(EvaluateInputs, ABrokenReferenceIsSaidOnce) {
    for (const char* name : {"0", "1"}) write_pictures(folder_ / "set" / name, 3);
    write_pictures(folder_ / "ref", 3);
    write_file(folder_ / "ref" / "2.png", "no picture");
    const Outcome films = evaluate({path("set"), "--reference", path("ref")});
    EXPECT_EQ(films.exit_code, 2);
    expect_line(films, "ref/2.png");
    expect_line(films, "set/0: not compared: its reference " + path("ref") + " cannot be read\n");
    expect_line(films, "set/1: not compared: its reference ");
    expect_line(films, "3 films or scores could not be measured or compared");
    EXPECT_TRUE(film(1, "0")["values"].contains("colour_drift"));

    latents("lat/0.safetensors");
    latents("lat/1.safetensors");
    latents("bad.safetensors", std::numeric_limits<double>::quiet_NaN());
    const Outcome run = evaluate({path("lat"), "--reference", path("bad.safetensors")});
    EXPECT_EQ(run.exit_code, 2);
    expect_line(run, "bad.safetensors: latents hold values");
    expect_line(run, "lat/0.safetensors: not compared: its reference ");
    expect_line(run, "lat/1.safetensors: not compared: its reference ");
}

TEST_F(EvaluateInputs, FilmsAndLatentsAreNotComparedButMeasured) {
    write_pictures(folder_ / "film", 3);
    const Outcome run = evaluate({path("film"), "--reference", latents("x.safetensors")});
    EXPECT_EQ(run.exit_code, 2);
    expect_line(run, "film: not compared: it is a film, its reference " + path("x.safetensors") + " is latents\n");
    EXPECT_TRUE(film(1, "film")["values"].contains("colour_drift"));
}

TEST_F(EvaluateInputs, NamesThatAreNoTextStayReadable) {
    write_pictures(folder_ / "caf\xe9", 2);
    const Outcome run = evaluate({path("caf\xe9")});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const std::string csv = read_file(folder_ / "out" / "evaluation.csv");
    EXPECT_NE(csv.find("caf\xef\xbf\xbd"), std::string::npos);
    EXPECT_EQ(csv.find('\xe9'), std::string::npos);
}

}  // namespace
}  // namespace t3video::testing
