// Drawn clips as files: what is written, what is kept, and what is never touched.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "media/clips/clip.h"
#include "support/images.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;
using media::clips::Series;
using media::clips::Split;

constexpr int64_t kWidth = 64, kHeight = 48, kFrames = 5;

std::vector<std::string> words(const fs::path& output, int count, const std::string& extension,
                               const std::vector<std::string>& further = {}) {
    std::vector<std::string> all{"make-clips", "--count", std::to_string(count), "--output", output, "--size", "64x48",
                                 "--frames",   "5",       "--extension",         extension};
    all.insert(all.end(), further.begin(), further.end());
    return all;
}

// Every file of a folder, by its name.
std::map<std::string, std::string> contents_of(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) files[fs::relative(entry.path(), folder)] = read_file(entry.path());
    }
    return files;
}

nlohmann::json list_of(uint64_t seed, Split split, int count, const std::string& ending) {
    Series series(seed, split);
    nlohmann::json list = nlohmann::json::array();
    for (int i = 0; i < count; ++i)
        list.push_back({{"data_file", "0000" + std::to_string(i) + ending},
                        {"prompt_en", media::clips::caption(series.at(i).subject)}});
    return list;
}

bool exists_within(const fs::path& path, double seconds) {
    for (int i = 0; i < int(seconds * 500) && !fs::exists(path); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return fs::exists(path);
}

TEST(MakeClips, FramesAndListAreThoseOfTheSeries) {
    const TemporaryFolder folder;
    const Outcome made = run_program(words(folder / "clips", 3, "/", {"--seed", "7"}));
    ASSERT_EQ(made.exit_code, 0) << made.err;
    EXPECT_EQ(nlohmann::json::parse(read_file(folder / "clips/clips.json")), list_of(7, Split::training, 3, ""));
    EXPECT_EQ(contents_of(folder / "clips").size(), size_t{3 * kFrames + 1});
    Series series(7, Split::training);
    for (int i = 0; i < 3; ++i) {
        const media::clips::Clip clip(series.at(i), kWidth, kHeight, kFrames);
        for (int64_t f = 0; f < kFrames; ++f) {
            const fs::path picture = concat("0000", i, "/0000", f, ".png");
            EXPECT_EQ(read_png(folder / "clips" / picture), image_of(clip.frame(f))) << picture;
        }
    }
    const Outcome inspected = run_program({"inspect", folder / "clips/00001"});
    EXPECT_NE(inspected.out.find("make-clips, clip 1: " + caption(series.at(1).subject)), std::string::npos)
        << inspected.out;
    EXPECT_NE(inspected.out.find("--seed 7\n"), std::string::npos) << inspected.out;
}

TEST(MakeClips, KeepsWhatIsThereAndMakesTheRest) {
    const TemporaryFolder folder;
    const fs::path clips = folder / "clips";
    ASSERT_EQ(run_program(words(folder / "whole", 5, "/", {"--threads", "1"})).exit_code, 0);
    ASSERT_EQ(run_program(words(clips, 3, "/")).exit_code, 0);
    const auto written = fs::last_write_time(clips / "00001/00002.png");
    fs::remove(clips / "00000/00003.png");
    fs::remove_all(clips / "00002");
    write_file(clips / "notes.txt", "mine");
    const Outcome again = run_program(words(clips, 5, "/", {"--threads", "3"}));
    EXPECT_EQ(again.exit_code, 0) << again.err;
    EXPECT_NE(again.err.find("1 of 5 clips are there already"), std::string::npos) << again.err;
    EXPECT_EQ(fs::last_write_time(clips / "00001/00002.png"), written);
    auto files = contents_of(clips);
    EXPECT_EQ(files["notes.txt"], "mine");
    files.erase("notes.txt");
    EXPECT_EQ(files, contents_of(folder / "whole"));

    // Fewer: there is nothing to do, and the list keeps what it has.
    const auto before = contents_of(folder / "whole");
    const auto listed = fs::last_write_time(folder / "whole/clips.json");
    EXPECT_EQ(run_program(words(folder / "whole", 2, "/")).exit_code, 0);
    EXPECT_EQ(contents_of(folder / "whole"), before);
    EXPECT_EQ(fs::last_write_time(folder / "whole/clips.json"), listed);
    fs::remove_all(folder / "whole/00003");  // is listed no longer
    EXPECT_EQ(run_program(words(folder / "whole", 2, "/")).exit_code, 0);
    nlohmann::json four = nlohmann::json::parse(before.at("clips.json"));
    four.erase(3);
    EXPECT_EQ(nlohmann::json::parse(read_file(folder / "whole/clips.json")), four);
}

TEST(MakeClips, NeverReplacesWhatItDidNotMake) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(words(folder / "made", 2, "/")).exit_code, 0);
    const auto refused = [&](const std::vector<std::string>& command, const fs::path& place, const std::string& name) {
        const auto before = contents_of(place);
        const Outcome outcome = run_program(command);
        EXPECT_EQ(outcome.exit_code, 2) << name;
        EXPECT_NE(
            outcome.err.find(name + ": is there already and is not what this command makes; give another --output"),
            std::string::npos)
            << outcome.err;
        EXPECT_EQ(contents_of(place), before) << name;
    };
    // Clips with other settings.
    for (const bool listed : {true, false}) {
        if (!listed) fs::remove(folder / "made/clips.json");
        for (const std::vector<std::string>& other :
             {std::vector<std::string>{"--seed", "1"}, {"--held-out"}, {"--fps", "12"}, {"--frames", "4"}}) {
            std::vector<std::string> command = words(folder / "made", 3, "/");
            if (other.front() == "--frames") command.erase(command.begin() + 7, command.begin() + 9);
            command.insert(command.end(), other.begin(), other.end());
            const bool same_list = other.front() == "--fps" || other.front() == "--frames";
            refused(command, folder / "made", listed && !same_list ? "clips.json" : ".png");
        }
    }
    // Files of others, in a place where a clip is to come.
    const auto foreign = [&](const std::string& name, const std::string& content, const std::string& extension) {
        const fs::path place = folder / "foreign";
        fs::remove_all(place);
        fs::create_directories((place / name).parent_path());
        write_file(place / name, content);
        refused(words(place, 3, extension), place, name);
    };
    foreign("00001/00000.png", "a picture", "/");
    foreign("00001/00009.png", read_file(folder / "made/00001/00000.png"), "/");
    foreign("00000/00001.png", read_file(folder / "made/00001/00001.png"), "/");
    foreign("clips.json", R"([{"data_file": "00000", "prompt_en": "My own words."}])", "/");
    foreign("clips.json", R"([{"data_file": "00000.mp4"}, 3])", ".y4m");
    foreign("clips.json", "{", "/");
    fs::create_directories(folder / "odd/clips.json");
    refused(words(folder / "odd", 1, "/"), folder / "odd", "clips.json");
}

// These have no room for a record: the clip is drawn again and compared.
TEST(MakeClips, UncompressedFilmsAreComparedByTheirBytes) {
    const TemporaryFolder folder;
    const fs::path clips = folder / "clips";
    ASSERT_EQ(run_program(words(clips, 2, ".y4m")).exit_code, 0);
    const auto whole = contents_of(clips);
    EXPECT_EQ(whole.size(), 3u);
    EXPECT_EQ(nlohmann::json::parse(whole.at("clips.json")), list_of(0, Split::training, 2, ".y4m"));
    fs::remove(clips / "clips.json");
    const auto written = fs::last_write_time(clips / "00001.y4m");
    EXPECT_EQ(run_program(words(clips, 2, ".y4m")).exit_code, 0);
    EXPECT_EQ(contents_of(clips), whole);
    EXPECT_EQ(fs::last_write_time(clips / "00001.y4m"), written);

    std::string edited = whole.at("00001.y4m");
    edited.back() ^= 1;
    write_file(clips / "00001.y4m", edited);
    const Outcome refused = run_program(words(clips, 2, ".y4m"));
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.err.find("00001.y4m: is there already"), std::string::npos) << refused.err;
    EXPECT_EQ(read_file(clips / "00001.y4m"), edited);
    EXPECT_EQ(contents_of(clips).size(), 3u);
}

TEST(MakeClips, HeldOutClipsAreOthers) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(words(folder / "held", 9, "/", {"--held-out"})).exit_code, 0);
    const auto list = nlohmann::json::parse(read_file(folder / "held/clips.json"));
    EXPECT_EQ(list, list_of(0, Split::held_out, 9, ""));
    std::set<std::string> trained;
    for (const auto& subject : subjects_of(Split::training)) trained.insert(caption(subject));
    for (const auto& entry : list) EXPECT_FALSE(trained.contains(entry["prompt_en"])) << entry;
}

TEST(MakeClips, CtrlCStopsAndTheSameCommandGoesOn) {
    const TemporaryFolder folder;
    const fs::path clips = folder / "clips";
    const pid_t child = start_program(words(clips, 100'000, "/"), folder / "errors");
    ASSERT_TRUE(exists_within(clips / "00001", 60));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(child, SIGINT);
    EXPECT_EQ(wait_for(child), 130);
    const std::string says = read_file(folder / "errors");
    EXPECT_NE(says.find(" of 100000 clips; the same command goes on"), std::string::npos) << says;
    // Listed are those that are whole, and nothing is half there.
    const auto list = nlohmann::json::parse(read_file(clips / "clips.json"));
    size_t files = 1;
    for (const auto& entry : list) {
        EXPECT_TRUE(fs::exists(clips / entry["data_file"].get<std::string>() / "00004.png")) << entry;
        files += kFrames;
    }
    EXPECT_GE(list.size(), 1u);
    EXPECT_EQ(contents_of(clips).size(), files);

    ASSERT_EQ(run_program(words(clips, 3, "/")).exit_code, 0);
    ASSERT_EQ(run_program(words(folder / "whole", 3, "/")).exit_code, 0);
    const auto now = contents_of(clips);
    auto whole = contents_of(folder / "whole");
    whole.erase("clips.json");
    for (const auto& [name, content] : whole) EXPECT_EQ(now.at(name), content) << name;
}

TEST(MakeClips, GoesOnAfterAKill) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(words(folder / "whole", 40, "/")).exit_code, 0);
    for (const int milliseconds : {0, 7, 20}) {
        const pid_t child = start_program(words(folder / "clips", 40, "/"), folder / "errors");
        ASSERT_TRUE(exists_within(folder / "clips", 60));
        std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
        kill(child, SIGKILL);
        wait_for(child);
    }
    const Outcome last = run_program(words(folder / "clips", 40, "/"));
    EXPECT_EQ(last.exit_code, 0) << last.err;
    EXPECT_EQ(contents_of(folder / "clips"), contents_of(folder / "whole"));
}

// A file may be 5 KiB: room for a picture, and not for a film.
TEST(MakeClips, FullDiskLeavesNothingHalfDone) {
    const TemporaryFolder folder;
    const Outcome outcome = run_program(words(folder / "clips", 2, ".y4m"), "ulimit -f 10; exec ");
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.err.find(".y4m"), std::string::npos) << outcome.err;
    EXPECT_FALSE(fs::exists(folder / "clips"));
    EXPECT_EQ(run_program(words(folder / "clips", 2, ".y4m")).exit_code, 0);
}

TEST(MakeClips, WrongValuesAreRefusedBeforeAnythingIsMade) {
    const TemporaryFolder folder;
    const auto refused = [&](const std::vector<std::string>& further, const std::string& says) {
        std::vector<std::string> command{"make-clips", "--count", "2", "--output", folder / "clips"};
        if (further.front() == "--count") command.erase(command.begin() + 1, command.begin() + 3);
        command.insert(command.end(), further.begin(), further.end());
        const Outcome outcome = run_program(command);
        EXPECT_EQ(outcome.exit_code, 2) << says;
        EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
        EXPECT_FALSE(fs::exists(folder / "clips")) << says;
    };
    refused({"--size", "8x8"}, "--size 8x8: expected sides of 16 to 16384");
    refused({"--size", "big"}, "--size big: expected WIDTHxHEIGHT");
    refused({"--frames", "0"}, "--frames 0: expected 1 to");
    refused({"--fps", "0"}, "0.01 to 1000");
    refused({"--seed", "-1"}, "--seed -1: expected 0 to");
    refused({"--count", "0"}, "--count 0: expected 1 to");
    refused({"--extension", ".avi"}, "--extension .avi: expected .mp4, .mkv");
    const Outcome nowhere = run_program(words(folder / "no/such", 1, "/"));
    EXPECT_EQ(nowhere.exit_code, 2);
    EXPECT_NE(nowhere.err.find("--output " + (folder / "no/such").string() + ": the folder cannot be made"),
              std::string::npos)
        << nowhere.err;
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(MakeClips, TellsWhatFitsIntoMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers reserve addresses";
#endif
    const TemporaryFolder folder;
    const Outcome outcome = run_program(
        {"make-clips", "--count", "1", "--output", folder / "clips", "--size", "16384x16384", "--extension", "/"},
        "ulimit -v 2000000; exec ");
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("--size 16384x16384: a clip takes about 65536 MiB"), std::string::npos) << outcome.err;
    EXPECT_FALSE(fs::exists(folder / "clips"));
}

}  // namespace
}  // namespace t3video
