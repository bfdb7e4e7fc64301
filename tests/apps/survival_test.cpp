// Runs that end before their film: killed, stopped, out of disk. The same command then makes the same film, and nothing
// half written stays.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <thread>

#include "media/video_writer.h"
#include "pipeline/job.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

std::vector<std::string> film_words(const fs::path& output, const std::string& steps = "6") {
    return {"generate", "--prompt", "A red ball drifts left.",
            "--size",   "96x64",    "--frames",
            "5",        "--steps",  steps,
            "--solver", "unipc",    "--output",
            output,     "--quiet"};
}

// Every file below a folder by name, with its bytes; without them in job folders, where some hold paths.
std::map<std::string, std::string> files_in(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (!fs::is_regular_file(entry.symlink_status())) continue;
        const bool of_job = entry.path().parent_path().extension() == ".job";
        files[fs::relative(entry.path(), folder)] = of_job ? "" : read_file(entry.path());
    }
    return files;
}

void expect_same_files(const fs::path& folder, const std::map<std::string, std::string>& expected) {
    const auto found = files_in(folder);
    for (const auto& [name, bytes] : expected) {
        const auto file = found.find(name);
        EXPECT_TRUE(file != found.end() && file->second == bytes) << name << " is absent or differs";
    }
    for (const auto& [name, bytes] : found) EXPECT_TRUE(expected.contains(name)) << name << " was left";
}

bool comes_true(const std::function<bool()>& condition, double seconds = 120) {
    for (int i = 0; i < int(seconds * 1000) && !condition(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return condition();
}

// How far a run came, by what it left.
std::string stage_of(const fs::path& job) {
    const auto state = pipeline::look_at_job(job);
    if (!state) return "before the job";
    if (state->decoded) return state->decoded->complete() ? "at the end" : "decoding";
    if (state->step > 0) return "denoising";
    return state->text ? "first step" : "text";
}

// T3VIDEO_KILLS=50 for the thorough run.
TEST(Survival, KilledAtAnyMomentTheSameCommandMakesTheSameFilm) {
    const TemporaryFolder folder;
    const char* text = std::getenv("T3VIDEO_KILLS");
    const int64_t kills = text ? std::stoll(text) : 4;
    std::vector<std::string> names{"film.y4m", "frames/"};
    if (media::has_video_support()) names.insert(names.begin() + 1, "film.mp4");
    std::vector<std::map<std::string, std::string>> expected;
    double seconds = 0;  // of the longest whole run
    for (const std::string& name : names) {
        const auto begin = std::chrono::steady_clock::now();
        fs::create_directory(folder / "whole");
        ASSERT_EQ(run_program(film_words(folder / "whole" / name)).exit_code, 0);
        seconds = std::max(seconds, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        expected.push_back(files_in(folder / "whole"));
        fs::remove_all(folder / "whole");
    }
    // Moments are drawn within stages: these files appear where stages begin.
    const char* begins[] = {"", "request.json", "embeddings.safetensors", "decode.json"};
    std::mt19937 engine(7);
    std::uniform_real_distribution<double> moment(0, seconds / 3);
    std::map<std::string, int> stages;
    for (int64_t i = 0; i < kills; ++i) {
        const size_t kind = static_cast<size_t>(i) % names.size();
        const fs::path place = folder / std::to_string(i);
        const fs::path job = place / (names[kind] == "frames/" ? "frames.job" : "film.job");
        const std::string begin = begins[static_cast<size_t>(i) % std::size(begins)];
        fs::create_directory(place);
        const pid_t child = start_program(film_words(place / names[kind]), folder / "errors");
        ASSERT_TRUE(comes_true([&] { return begin.empty() || fs::exists(job / begin); })) << begin;
        const double later = moment(engine);
        std::this_thread::sleep_for(std::chrono::duration<double>(later));
        kill(child, SIGKILL);
        const bool ended = wait_for(child) == 0;
        ++stages[ended ? "not before it ended" : stage_of(job)];
        const Outcome again = run_program(film_words(place / names[kind]));
        ASSERT_EQ(again.exit_code, 0) << again.err;
        SCOPED_TRACE(names[kind] + ", killed " + std::to_string(later) + " s after " + begin);
        expect_same_files(place, expected[kind]);
        fs::remove_all(place);
    }
    std::cout << "killed";
    for (const auto& [stage, count] : stages) std::cout << " | " << stage << ": " << count;
    std::cout << "\n";
}

// One who stops a run finds its stages and nothing else, and the film is the same in the end.
TEST(Survival, TerminatedBetweenSteps) {
    const TemporaryFolder folder;
    fs::create_directory(folder / "whole");
    fs::create_directory(folder / "stopped");
    const auto words = [&](const std::string& place) { return film_words(folder / place / "film.y4m", "120"); };
    const pid_t child = start_program(words("stopped"), folder / "errors");
    ASSERT_TRUE(comes_true([&] { return fs::exists(folder / "stopped/film.job/latents.safetensors"); }));
    kill(child, SIGTERM);
    EXPECT_EQ(wait_for(child), 128 + SIGTERM);
    const std::string says = read_file(folder / "errors");
    EXPECT_NE(says.find("t3video: stopped after step "), std::string::npos) << says;
    expect_same_files(folder / "stopped", {{"film.job/command.json", ""},
                                           {"film.job/embeddings.safetensors", ""},
                                           {"film.job/latents.safetensors", ""},
                                           {"film.job/request.json", ""}});
    ASSERT_EQ(run_program(words("whole")).exit_code, 0);
    ASSERT_EQ(run_program(words("stopped")).exit_code, 0);
    expect_same_files(folder / "stopped", files_in(folder / "whole"));
}

// Half written films of a run that was killed, when the job goes on to another file: nothing else would remove them.
TEST(Survival, WhatAKilledRunLeftIsRemovedWhenTheJobGoesOn) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(film_words(folder / "film.y4m")).exit_code, 0);
    const fs::path record = folder / "film.job/decode.json";
    const std::string whole = read_file(record);
    const auto killed_while_writing = [&](const std::string& output) {
        std::string text = whole;
        text.replace(text.find("\"frames\": 5"), 11, "\"frames\": 2");
        const std::string before = (folder / "film.y4m").string();
        for (size_t at = 0; (at = text.find(before, at)) != std::string::npos; at += 1)
            text.replace(at, before.size(), (folder / output).string());
        write_file(record, text);
    };
    killed_while_writing("other.mp4");
    for (const char* name : {"other.mp4", "film.png", "film.preview.png", "film.job/latents.safetensors"})
        write_file(folder / (std::string(name) + ".partial"), "half");
    ASSERT_EQ(run_program(film_words(folder / "film.y4m")).exit_code, 0);
    killed_while_writing("frames/");
    for (const char* name : {"frames/00000.png.partial", "frames/00004.png.partial", "frames/others.partial"})
        write_file(folder / name, "half");
    ASSERT_EQ(run_program(film_words(folder / "film.y4m")).exit_code, 0);
    std::vector<std::string> partial;
    for (const auto& [name, bytes] : files_in(folder.path())) {
        if (name.ends_with(".partial")) partial.push_back(name);
    }
    EXPECT_EQ(partial, std::vector<std::string>{"frames/others.partial"});
}

struct FullDisk {
    std::string name, output, file;  // the film, and the file for which there is no room
    bool goes_on = false;            // from its latents
};

std::ostream& operator<<(std::ostream& out, const FullDisk& disk) {
    return out << disk.name;
}

const FullDisk kFullDisks[] = {
    {"request", "film.y4m", "film.job/request.json"},
    {"command", "film.y4m", "film.job/command.json"},
    {"embeddings", "film.y4m", "film.job/embeddings.safetensors"},
    {"latents", "film.y4m", "film.job/latents.safetensors"},
    {"preview", "film.y4m", "film.preview.png", true},
    {"decode_record", "film.y4m", "film.job/decode.json", true},
    {"y4m", "film.y4m", "film.y4m", true},
    {"mp4", "film.mp4", "film.mp4", true},
    {"mkv", "film.mkv", "film.mkv", true},
    {"first_png", "frames/", "frames/00000.png", true},
    {"later_png", "frames/", "frames/00003.png", true},
    {"exr", "frames/%02d.exr", "frames/02.exr", true},
    {"contact_sheet", "film.y4m", "film.png", true},
};

class FullDisks : public ::testing::TestWithParam<FullDisk> {};

// Writes to /dev/full fail as on a full disk, without anybody's rights: a link to it stands where the file would be.
TEST_P(FullDisks, AreSaidAndTheJobGoesOn) {
    const auto& [name, output, file, goes_on] = GetParam();
    const bool video = output.ends_with(".mp4") || output.ends_with(".mkv");
    if (video && !media::has_video_support()) GTEST_SKIP() << "no FFmpeg";
    const TemporaryFolder folder;
    const auto words = [&](const std::string& place) {
        auto all = film_words(folder / place / output, "3");
        all.insert(all.end(), {"--preview", "1"});
        return all;
    };
    for (const char* place : {"whole", "full"}) fs::create_directory(folder / place);
    ASSERT_EQ(run_program(words("whole")).exit_code, 0);

    const fs::path target = folder / "full" / file, link = target.string() + ".partial";
    fs::create_directories(target.parent_path());
    fs::create_symlink("/dev/full", link);
    const Outcome refused = run_program(words("full"));
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_TRUE(refused.err.starts_with("t3video: ")) << refused.err;
    EXPECT_EQ(std::ranges::count(refused.err, '\n'), 1) << refused.err;
    for (const std::string& part : {target.string(), std::string("No space left on device; make room")})
        EXPECT_NE(refused.err.find(part), std::string::npos) << refused.err;
    EXPECT_EQ(refused.err.find("internal error"), std::string::npos) << refused.err;
    EXPECT_FALSE(fs::exists(fs::symlink_status(link)));
    for (const auto& [left, bytes] : files_in(folder / "full"))
        EXPECT_TRUE(!left.ends_with(".partial") && (!left.starts_with("frames/") || file == "film.png")) << left;
    EXPECT_FALSE(fs::exists(target));

    auto again = words("full");
    std::erase(again, "--quiet");
    const Outcome outcome = run_program(again);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err.find("Going on from step") != std::string::npos, goes_on) << outcome.err;
    expect_same_files(folder / "full", files_in(folder / "whole"));
}

INSTANTIATE_TEST_SUITE_P(Survival, FullDisks, ::testing::ValuesIn(kFullDisks),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace t3video
