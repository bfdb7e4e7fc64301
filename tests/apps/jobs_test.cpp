// Jobs: listed, continued, decoded again; and lists of prompts.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/errors.h"
#include "support/images.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

std::vector<std::string> film_words(const fs::path& output, const std::string& steps = "4") {
    return {"generate", "--prompt", "A red ball drifts left.",
            "--size",   "96x64",    "--frames",
            "5",        "--steps",  steps,
            "--solver", "unipc",    "--output",
            output};
}

bool exists_within(const fs::path& path, double seconds) {
    for (int i = 0; i < int(seconds * 200) && !fs::exists(path); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return fs::exists(path);
}

TEST(Jobs, CtrlCStopsBetweenStepsAndResumeMakesTheSameFilm) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(film_words(folder / "whole.y4m", "400")).exit_code, 0);
    const pid_t child = start_program(film_words(folder / "film.y4m", "400"), folder / "errors");
    ASSERT_TRUE(exists_within(folder / "film.job/latents.safetensors", 60));
    kill(child, SIGINT);
    EXPECT_EQ(wait_for(child), 130);
    const std::string says = read_file(folder / "errors");
    EXPECT_NE(says.find("stopped after step "), std::string::npos) << says;
    EXPECT_NE(says.find("t3video resume " + (folder / "film.job").string()), std::string::npos) << says;
    EXPECT_FALSE(fs::exists(folder / "film.y4m"));

    const Outcome list = run_program({"jobs", folder.path()});
    EXPECT_EQ(list.exit_code, 0) << list.err;
    EXPECT_NE(list.out.find(" of 400 "), std::string::npos) << list.out;
    EXPECT_NE(list.out.find("film written"), std::string::npos) << list.out;

    const Outcome early = run_program({"decode", folder / "film.job"});
    EXPECT_EQ(early.exit_code, 2);
    EXPECT_NE(early.err.find("t3video resume"), std::string::npos) << early.err;

    const Outcome resumed = run_program({"resume", folder / "film.job", "--threads", "1"});
    EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
    EXPECT_NE(resumed.err.find("Going on from step"), std::string::npos) << resumed.err;
    EXPECT_EQ(read_file(folder / "film.y4m"), read_file(folder / "whole.y4m"));
}

TEST(Jobs, DecodesAgainWithOtherOptions) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(film_words(folder / "film.y4m")).exit_code, 0);
    const auto latents = fs::last_write_time(folder / "film.job/latents.safetensors");
    fs::rename(folder / "film.job", folder / "moved.job");
    const Outcome again = run_program({"decode", folder / "moved.job", "--output", folder / "frames/", "--fps", "3"});
    ASSERT_EQ(again.exit_code, 0) << again.err;
    EXPECT_TRUE(fs::exists(folder / "frames/00004.png"));
    EXPECT_EQ(fs::last_write_time(folder / "moved.job/latents.safetensors"), latents);
    EXPECT_FALSE(fs::exists(folder / "film.job"));
    // Another film's options do not touch the latents.
    const Outcome other = run_program({"decode", folder / "moved.job", "--seed", "5"});
    EXPECT_EQ(other.exit_code, 2);
    EXPECT_NE(other.err.find("belongs to another film"), std::string::npos) << other.err;
    EXPECT_EQ(fs::last_write_time(folder / "moved.job/latents.safetensors"), latents);
    EXPECT_EQ(run_program({"resume", folder.path()}).exit_code, 2);
}

// Another film under the same name waits beside, and comes back with its command.
TEST(Jobs, AnotherFilmSetsAJobAside) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(film_words(folder / "film.y4m")).exit_code, 0);
    auto words = film_words(folder / "film.y4m");
    words.insert(words.end(), {"--seed", "5"});
    const Outcome refused = run_program(words);
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.err.find("film.y4m: exists, and is not this film's"), std::string::npos) << refused.err;
    EXPECT_EQ(std::ranges::count(refused.err, '\n'), 1) << refused.err;
    words.push_back("--overwrite");
    ASSERT_EQ(run_program(words).exit_code, 0);
    const Outcome list = run_program({"jobs", folder.path()});
    EXPECT_NE(list.out.find("film.1.job"), std::string::npos) << list.out;
    // The option was for that run alone.
    EXPECT_EQ(read_file(folder / "film.job/command.json").find("--overwrite"), std::string::npos);
    const Outcome other = run_program({"decode", folder / "film.1.job", "--output", folder / "first.y4m"});
    EXPECT_EQ(other.exit_code, 0) << other.err;
    words = film_words(folder / "film.y4m");
    words.push_back("--overwrite");
    const Outcome back = run_program(words);
    EXPECT_NE(back.err.find("Going on from step 4 of 4"), std::string::npos) << back.err;
    EXPECT_EQ(read_file(folder / "film.y4m"), read_file(folder / "first.y4m"));
}

// A finished film hides no damage for ever: what decode names, resume makes again.
TEST(Jobs, DamagedLatentsOfAFinishedFilm) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(film_words(folder / "film.y4m")).exit_code, 0);
    const fs::path latents = folder / "film.job/latents.safetensors";
    const std::string whole = read_file(latents);
    std::string bytes = whole;
    bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);
    write_file(latents, bytes);
    const std::vector<std::string> decode{"decode", folder / "film.job", "--output", folder / "other.y4m"};
    const Outcome named = run_program(decode);
    EXPECT_EQ(named.exit_code, 2);
    EXPECT_NE(named.err.find("latents.safetensors: damaged"), std::string::npos) << named.err;
    EXPECT_FALSE(fs::exists(folder / "other.y4m"));
    ASSERT_EQ(run_program({"resume", folder / "film.job"}).exit_code, 0);
    EXPECT_EQ(read_file(latents), whole);
    EXPECT_EQ(run_program(decode).exit_code, 0);
    EXPECT_EQ(read_file(folder / "other.y4m"), read_file(folder / "film.y4m"));
}

TEST(Jobs, CommandsOfStrangersAreOptionsOfAFilm) {
    const TemporaryFolder folder;
    ASSERT_EQ(run_program(film_words(folder / "film.y4m")).exit_code, 0);
    for (const char* words : {R"(["--help"])", R"(["--version"])", R"([3])", "{}", R"(["--prompt"])", R"(["batch"])"}) {
        write_file(folder / "film.job/command.json", words);
        const Outcome outcome = run_program({"resume", folder / "film.job"});
        EXPECT_EQ(outcome.exit_code, 2) << words;
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
        EXPECT_EQ(outcome.err.find("main function"), std::string::npos) << outcome.err;
    }
}

TEST(Jobs, WritesPreviews) {
    const TemporaryFolder folder;
    auto words = film_words(folder / "film.y4m");
    words.insert(words.end(), {"--preview", "2"});
    const Outcome outcome = run_program(words);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(read_png(folder / "film.preview.png").width, 12);
}

TEST(Jobs, SayWhatIsDamaged) {
    const TemporaryFolder folder;
    fs::create_directory(folder / "film.job");
    write_file(folder / "film.job/request.json", "{\n \"t3video\": \"0.1.0\",\n \"prompt\": \"A b");
    ASSERT_EQ(run_program(film_words(folder / "whole.y4m", "1")).exit_code, 0);
    // One that is damaged, or a place that is none, keeps no other from being listed.
    const Outcome outcome = run_program({"jobs", folder / "none", folder.path()});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("none: no such folder"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.out.find("request.json is damaged"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("film written"), std::string::npos) << outcome.out;
    for (const char* command : {"resume", "decode"}) {
        const Outcome refused = run_program({command, folder / "film.job"});
        EXPECT_EQ(refused.exit_code, 2);
        EXPECT_NE(refused.err.find("request.json: damaged"), std::string::npos) << refused.err;
    }
}

// Files must not take the place of a standard stream that is closed, and lost output is an error.
TEST(Jobs, ClosedAndFullStreams) {
    const TemporaryFolder folder;
    const std::string film =
        "generate --prompt x --size 96x64 --frames 5 --steps 1 --output '" + (folder / "a.y4m").string() + "'";
    EXPECT_EQ(std::system(("'" + program_path() + "' " + film + " <&- >&- 2>&-").c_str()), 0);
    EXPECT_TRUE(fs::exists(folder / "a.y4m"));
    EXPECT_NE(std::system(("'" + program_path() + "' version >/dev/full 2>&-").c_str()), 0);
}

TEST(Jobs, ALongPromptIsCutWithAWarning) {
    const TemporaryFolder folder;
    auto words = film_words(folder / "film.y4m", "1");
    words[2].clear();
    while (words[2].size() < 10000) words[2] += "a red ball ";
    const Outcome outcome = run_program(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("reads the first 512"), std::string::npos) << outcome.err;
}

class Batch : public ::testing::Test {
  protected:
    Batch() {
        write_file(folder_ / "list.json", R"([{"data_file": "", "prompt_en": "A red ball."},
            {"prompt_en": "A green star.", "seed": 3}, {"prompt_en": "A blue kite."}])");
    }
    Outcome run(const std::string& list, std::vector<std::string> further = {}) const {
        std::vector<std::string> words{"batch", folder_ / list, "--output", folder_ / "films", "--steps",
                                       "2",     "--size",       "96x64",    "--frames",        "5"};
        if (std::ranges::find(further, "--extension") == further.end())
            words.insert(words.end(), {"--extension", ".y4m"});
        words.insert(words.end(), further.begin(), further.end());
        return run_program(words);
    }
    TemporaryFolder folder_;
};

TEST_F(Batch, ShardsMakeAllFilmsAndKeepThoseThatAreThere) {
    const Outcome first = run("list.json", {"--shard", "1/2"});
    ASSERT_EQ(first.exit_code, 0) << first.err;
    EXPECT_TRUE(fs::exists(folder_ / "films/00000.y4m"));
    EXPECT_FALSE(fs::exists(folder_ / "films/00001.y4m"));
    EXPECT_TRUE(fs::exists(folder_ / "films/00002.y4m"));
    const auto written = fs::last_write_time(folder_ / "films/00000.y4m");
    fs::remove(folder_ / "films/00002.y4m");
    const Outcome all = run("list.json");
    ASSERT_EQ(all.exit_code, 0) << all.err;
    EXPECT_EQ(fs::last_write_time(folder_ / "films/00000.y4m"), written);
    EXPECT_TRUE(fs::exists(folder_ / "films/00002.y4m"));
    // How it is computed does not matter.
    const Outcome quietly = run("list.json", {"--quiet", "--threads", "1"});
    ASSERT_EQ(quietly.exit_code, 0) << quietly.err;
    EXPECT_EQ(fs::last_write_time(folder_ / "films/00000.y4m"), written);
    // Nor that a command of its own went on with it, wherever the job lies.
    const auto job = folder_ / "films/00000.job";
    ASSERT_EQ(run_program({"resume", job, "--device", "cpu"}).exit_code, 0);
    const auto resumed = fs::last_write_time(folder_ / "films/00000.y4m");
    ASSERT_EQ(run("list.json").exit_code, 0);
    EXPECT_EQ(fs::last_write_time(folder_ / "films/00000.y4m"), resumed);
    // A film of a batch is that of the command alone.
    ASSERT_EQ(run_program({"generate", "-p", "A green star.", "--seed", "3", "--steps", "2", "--size", "96x64",
                           "--frames", "5", "--output", folder_ / "alone.y4m"})
                  .exit_code,
              0);
    EXPECT_EQ(read_file(folder_ / "films/00001.y4m"), read_file(folder_ / "alone.y4m"));
}

std::string seed_of(const fs::path& job) {
    const auto words = nlohmann::json::parse(read_file(job / "command.json")).get<std::vector<std::string>>();
    return *(std::ranges::find(words, "--seed") + 1);
}

// One for each film, which is said and kept, by the same command too.
TEST_F(Batch, DrawsASeedForEachFilm) {
    write_file(folder_ / "lines.txt",
               "\xEF\xBB\xBF"
               "A red ball.\r\n\r\nA blue kite.\r\n");
    const Outcome first = run("lines.txt", {"--seed", "-1"});
    ASSERT_EQ(first.exit_code, 0) << first.err;
    const std::string a = seed_of(folder_ / "films/00000.job"), b = seed_of(folder_ / "films/00001.job");
    EXPECT_NE(a, b);
    EXPECT_NE(first.err.find("seed " + a), std::string::npos) << first.err;
    const auto written = fs::last_write_time(folder_ / "films/00000.y4m");
    const Outcome again = run("lines.txt", {"--seed", "-1", "--threads", "1"});
    ASSERT_EQ(again.exit_code, 0) << again.err;
    EXPECT_EQ(fs::last_write_time(folder_ / "films/00000.y4m"), written) << again.err;
    EXPECT_EQ(seed_of(folder_ / "films/00000.job"), a);
    ASSERT_EQ(run_program({"resume", folder_ / "films/00001.job"}).exit_code, 0);
    EXPECT_EQ(seed_of(folder_ / "films/00001.job"), b);
    const Outcome anew = run("lines.txt", {"--seed", "-1", "--overwrite"});
    ASSERT_EQ(anew.exit_code, 0) << anew.err;
    EXPECT_NE(seed_of(folder_ / "films/00000.job"), a);
}

TEST_F(Batch, FilmsHaveFieldsOfTheirOwn) {
    write_file(folder_ / "own.jsonl",
               "{\"prompt\": \"A red ball.\", \"seed\": 4, \"size\": \"64x64\", \"fps\": \"24000/1001\", \"id\": 7}\n");
    const Outcome outcome = run("own.jsonl", {"--seed", "1"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("Not read in"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("own.jsonl: \"id\""), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("Film 64x64, 5 frames at 24000/1001 fps"), std::string::npos) << outcome.err;
    EXPECT_EQ(seed_of(folder_ / "films/00000.job"), "4");
    EXPECT_TRUE(read_file(folder_ / "films/00000.y4m").find("F24000:1001") != std::string::npos);
}

// One that fails is listed at the end; the others are made, and it is tried again.
TEST_F(Batch, AFailureEndsItsOwnFilm) {
    fs::create_directories(folder_ / "films/00001.y4m");
    fs::create_directories(folder_ / "films/00000.job");
    write_file(folder_ / "films/00000.job/notes.txt", "somebody's");
    const Outcome first = run("list.json");
    EXPECT_EQ(first.exit_code, 2) << first.err;
    EXPECT_NE(first.err.find("2 of 3 films failed"), std::string::npos) << first.err;
    EXPECT_NE(first.err.find("00001.y4m: is a folder"), std::string::npos) << first.err;
    EXPECT_EQ(first.err.find("internal error"), std::string::npos) << first.err;
    EXPECT_TRUE(fs::exists(folder_ / "films/00002.y4m"));
    EXPECT_EQ(read_file(folder_ / "films/00000.job/notes.txt"), "somebody's");
    fs::remove(folder_ / "films/00001.y4m");
    fs::remove_all(folder_ / "films/00000.job");
    const Outcome second = run("list.json");
    EXPECT_EQ(second.exit_code, 0) << second.err;
    EXPECT_TRUE(fs::exists(folder_ / "films/00000.y4m") && fs::exists(folder_ / "films/00001.y4m"));
}

TEST_F(Batch, TwoProcessesShareAList) {
    std::string list = "[";
    for (int i = 0; i < 8; ++i)
        list += std::string(i > 0 ? "," : "") + R"({"prompt_en": "A red ball.", "seed": )" + std::to_string(i) + "}";
    write_file(folder_ / "eight.json", list + "]");
    const std::vector<std::string> words{
        "batch", folder_ / "eight.json", "--output", folder_ / "films", "--steps", "8", "--size", "96x64", "--frames",
        "5",     "--extension",          ".y4m"};
    const pid_t first = start_program(words, folder_ / "first"), second = start_program(words, folder_ / "second");
    EXPECT_EQ(wait_for(first), 0) << read_file(folder_ / "first");
    EXPECT_EQ(wait_for(second), 0) << read_file(folder_ / "second");
    int made = 0;
    for (const char* log : {"first", "second"}) {
        const std::string says = read_file(folder_ / log);
        for (size_t at = 0; (at = says.find("Wrote ", at)) != std::string::npos; ++at) ++made;
    }
    EXPECT_EQ(made, 8);
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(fs::exists(folder_ / ("films/0000" + std::to_string(i) + ".y4m"))) << i;
}

// What cannot be in the list is said once, before the first film.
TEST_F(Batch, OptionsGivenTwiceAndEmptyParts) {
    const Outcome twice = run("list.json", {"--seed", "1", "--seed", "2"});
    EXPECT_EQ(twice.exit_code, 2) << twice.err;
    EXPECT_NE(twice.err.find("--seed"), std::string::npos) << twice.err;
    const Outcome none = run("list.json", {"--shard", "4/4"});
    EXPECT_EQ(none.exit_code, 0) << none.err;
    EXPECT_NE(none.err.find("No film is in part 4/4"), std::string::npos) << none.err;
}

TEST_F(Batch, FoldersOfPicturesAreKeptToo) {
    const std::vector<std::string> exr{"--extension", "/%05d.exr"};
    const Outcome first = run("list.json", exr);
    ASSERT_EQ(first.exit_code, 0) << first.err;
    const auto written = fs::last_write_time(folder_ / "films/00002/00004.exr");
    ASSERT_EQ(run("list.json", exr).exit_code, 0);
    EXPECT_EQ(fs::last_write_time(folder_ / "films/00002/00004.exr"), written);
    const Outcome list = run_program({"jobs", folder_ / "films"});
    EXPECT_NE(list.out.find("film written"), std::string::npos) << list.out;
    EXPECT_EQ(list.out.find("gone since"), std::string::npos) << list.out;
}

TEST_F(Batch, WrongInputsAreNamed) {
    const auto refused = [&](const std::string& list, std::vector<std::string> further, const std::string& says) {
        const Outcome outcome = run(list, std::move(further));
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
        EXPECT_FALSE(fs::exists(folder_ / "films"));
    };
    refused("absent.json", {}, "no such file");
    refused("list.json", {"--shard", "3/2"}, "--shard 3/2");
    refused("list.json", {"--extension", "mkv"}, "--extension mkv");
    refused("list.json", {"--shard", "0/2"}, "--shard 0/2");
    refused("list.json", {"--stepz", "4"}, "--stepz");
    write_file(folder_ / "bad.json", R"([{"prompt_en": "A ball."}, {"title": "A star."}])");
    refused("bad.json", {}, "entry 1 has no text \"prompt\"");
    write_file(folder_ / "blank.json", R"([{"prompt_en": " "}])");
    refused("blank.json", {}, "entry 0: \"prompt_en\" is empty");
    write_file(folder_ / "cut.json", R"([{"prompt_en": "A ball.")");
    refused("cut.json", {}, "no valid JSON; expected a list of prompts");
    refused("list.json", {"--prompt", "A tree."}, "those of its list");
    refused("list.json", {"--solver", "leap"}, "leap");
    refused("list.json", {"--bits", "10"}, ".y4m takes 8");
}

}  // namespace
}  // namespace t3video
