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

#include "job/identity.h"
#include "job/job.h"
#include "media/video_writer.h"
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
    const auto state = job::look_at_job(job);
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

// What a killed run left is known by the film's id in its name; what others call so stays.
TEST(Survival, WhatAKilledRunLeftIsRemovedWhenTheJobGoesOn) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(film_words(folder / "film.y4m")).exit_code, 0);
    const std::string film = job::film_id(job::request_of_job(folder / "film.job"));
    const auto left_of = [&](const std::string& output, std::vector<std::string> ours,
                             std::vector<std::string> others) {
        fs::remove_all(folder / output);
        for (std::string& name : ours) write_file(folder / (name += "." + film + ".partial"), "half");
        ours.push_back("film.job/latents.safetensors.partial");
        for (const std::string& name : others) write_file(folder / name, "somebody's");
        write_file(folder / ours.back(), "half");
        auto words = film_words(folder / output);
        words.insert(words.end(), {"--job", folder / "film.job", "--preview", "2"});
        ASSERT_EQ(run_program(words).exit_code, 0);
        for (const std::string& name : ours) EXPECT_FALSE(fs::exists(folder / name)) << name;
        for (const std::string& name : others) EXPECT_EQ(read_file(folder / name), "somebody's") << name;
    };
    left_of("film.y4m", {"film.y4m", "film.png", "film.preview.png"},
            {"film.y4m.partial", "film.png.partial", "film.y4m.0123456789abcdef.partial"});
    left_of("frames/", {"frames/00000.png", "frames/00004.png", "frames/00011.png"},
            {"frames/00000.png.partial", "frames/others.partial"});
}

// What makes a program see such a disk (tests/support/refusing_disk.cpp).
std::string on_a_disk_that_refuses(const std::string& how) {
    return "ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=" + quoted(T3VIDEO_REFUSING_DISK) + " " + how + " ";
}

struct FullDisk {
    std::string name, output, file;  // the film, and the file for which there is no room
    enum { refused, ends, goes_on } then;
};

std::ostream& operator<<(std::ostream& out, const FullDisk& disk) {
    return out << disk.name;
}

const FullDisk kFullDisks[] = {
    {"request", "film.y4m", "film.job/request.json", FullDisk::refused},
    {"command", "film.y4m", "film.job/command.json", FullDisk::goes_on},
    {"embeddings", "film.y4m", "film.job/embeddings.safetensors", FullDisk::goes_on},
    {"latents", "film.y4m", "film.job/latents.safetensors", FullDisk::goes_on},
    {"preview", "film.y4m", "film.preview.png", FullDisk::goes_on},
    {"decode_record", "film.y4m", "film.job/decode.json", FullDisk::goes_on},
    {"record_of_files", "film.y4m", "film.job/files.json", FullDisk::goes_on},
    {"y4m", "film.y4m", "film.y4m", FullDisk::ends},
    {"mp4", "film.mp4", "film.mp4", FullDisk::ends},
    {"mkv", "film.mkv", "film.mkv", FullDisk::ends},
    {"first_png", "frames/", "frames/00000.png", FullDisk::ends},
    {"later_png", "frames/", "frames/00003.png", FullDisk::ends},
    {"exr", "frames/%02d.exr", "frames/02.exr", FullDisk::ends},
    {"contact_sheet", "film.y4m", "film.png", FullDisk::goes_on},
};

class FullDisks : public ::testing::TestWithParam<FullDisk> {};

// The film ends where it cannot be written itself; what only helps to go on is missed with a word.
TEST_P(FullDisks, EndWhatTheyConcern) {
    const auto& [name, output, file, then] = GetParam();
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
    auto expected = files_in(folder / "whole");

    const fs::path target = folder / "full" / file;
    const Outcome outcome =
        run_program(words("full"), on_a_disk_that_refuses("T3VIDEO_FULL=" + quoted(target.string())));
    EXPECT_EQ(outcome.exit_code, then == FullDisk::goes_on ? 0 : 1);
    EXPECT_TRUE(then == FullDisk::goes_on
                    ? outcome.err.find("Could not save") != std::string::npos
                    : outcome.err.starts_with("t3video: ") && std::ranges::count(outcome.err, '\n') == 1)
        << outcome.err;
    for (const std::string& part : {target.string(), std::string("No space left on device; make room")})
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find("internal error"), std::string::npos) << outcome.err;
    EXPECT_FALSE(fs::exists(target));
    for (const auto& [left, bytes] : files_in(folder / "full")) EXPECT_FALSE(left.ends_with(".partial")) << left;
    if (then == FullDisk::goes_on) {
        expected.erase(file);
        return expect_same_files(folder / "full", expected);
    }
    for (const auto& [left, bytes] : files_in(folder / "full"))
        EXPECT_TRUE(!left.starts_with("frames/") && left != output) << left;

    auto again = words("full");
    std::erase(again, "--quiet");
    const Outcome second = run_program(again);
    ASSERT_EQ(second.exit_code, 0) << second.err;
    EXPECT_EQ(second.err.find("Going on from step") != std::string::npos, then == FullDisk::ends) << second.err;
    expect_same_files(folder / "full", expected);
}

INSTANTIATE_TEST_SUITE_P(Survival, FullDisks, ::testing::ValuesIn(kFullDisks),
                         [](const auto& one) { return one.param.name; });

TEST(Survival, ADiskWithoutLocksIsSaidOnce) {
    const TemporaryFolder folder;
    const Outcome outcome = run_program(film_words(folder / "film.y4m"), on_a_disk_that_refuses("T3VIDEO_NO_LOCKS=1"));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("film.job: this disk has no locks"), std::string::npos) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
}

// Nobody, root neither, writes there.
TEST(Survival, APlaceThatTakesNoFilesIsRefusedInOneLine) {
    const TemporaryFolder folder;
    const auto refused = [&](std::vector<std::string> words, const std::string& says) {
        const Outcome outcome = run_program(words);
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    };
    refused(film_words("/proc/film.y4m"), "cannot create /proc/film.y4m.partial");
    auto words = film_words(folder / "film.y4m");
    words.insert(words.end(), {"--job", "/proc/film.job"});
    refused(words, "job folder /proc/film.job cannot be made");
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

// The film comes from memory, and its job is whole again.
TEST(Survival, AJobFolderThatGoesEndsNoFilm) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(film_words(folder / "whole.y4m", "60")).exit_code, 0);
    const pid_t child = start_program(film_words(folder / "film.y4m", "60"), folder / "errors");
    ASSERT_TRUE(comes_true([&] { return fs::exists(folder / "film.job/latents.safetensors"); }));
    for (int i = 0; i < 100 && fs::exists(folder / "film.job"); ++i) {
        std::error_code ignored;  // the run makes files meanwhile
        fs::remove_all(folder / "film.job", ignored);
    }
    EXPECT_EQ(wait_for(child), 0) << read_file(folder / "errors");
    EXPECT_EQ(read_file(folder / "film.y4m"), read_file(folder / "whole.y4m"));
    EXPECT_EQ(stage_of(folder / "film.job"), "at the end");
}

}  // namespace
}  // namespace t3video
