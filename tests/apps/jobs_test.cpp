// Jobs that survive: killed, stopped, out of disk; listed, continued, decoded again; and lists of prompts.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
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

// Starts the program without waiting. `file_limit`: largest file it may write, in bytes; 0: any.
pid_t start_program(const std::vector<std::string>& words, const fs::path& errors, int64_t file_limit = 0) {
    const pid_t child = fork();
    if (child != 0) return child;
    std::vector<char*> argv{const_cast<char*>(T3VIDEO_PROGRAM)};
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    if (!freopen(errors.c_str(), "w", stderr)) _exit(125);
    if (file_limit > 0) {
        signal(SIGXFSZ, SIG_IGN);  // a refused write then, as on a full disk
        const rlimit limit{rlim_t(file_limit), rlim_t(file_limit)};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    execv(T3VIDEO_PROGRAM, argv.data());
    _exit(126);
}

// The exit code, or minus the signal that ended it.
int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool exists_within(const fs::path& path, double seconds) {
    for (int i = 0; i < int(seconds * 200) && !fs::exists(path); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return fs::exists(path);
}

int64_t number_from(const char* name, int64_t usual) {
    const char* text = std::getenv(name);
    return text ? std::stoll(text) : usual;
}

// T3VIDEO_KILLS=50 for the thorough run.
TEST(Jobs, KilledAtAnyMomentTheSameCommandMakesTheSameFilm) {
    const TemporaryFolder folder;
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(run_program(film_words(folder / "whole.y4m", "24")).exit_code, 0);
    const double whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const std::string expected = read_file(folder / "whole.y4m");
    std::mt19937 engine(7);
    std::uniform_real_distribution<double> moment(0, whole);
    for (int64_t i = 0; i < number_from("T3VIDEO_KILLS", 5); ++i) {
        const auto output = folder / ("film" + std::to_string(i) + ".y4m");
        const double seconds = moment(engine);
        const pid_t child = start_program(film_words(output, "24"), folder / "errors");
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
        kill(child, SIGKILL);
        wait_for(child);
        const Outcome again = run_program(film_words(output, "24"));
        ASSERT_EQ(again.exit_code, 0) << "killed after " << seconds << " s\n" << again.err;
        EXPECT_EQ(read_file(output), expected) << "killed after " << seconds << " s";
    }
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

// With no room for the file of each stage in turn: what is said, and that the job goes on when there is.
TEST(Jobs, AFullDiskIsSaidAndTheJobGoesOn) {
    const TemporaryFolder folder;
    const auto words = [&](const std::string& name) {
        auto all = film_words(folder / name);
        std::ranges::replace(all, "unipc", "euler");  // keeps no history: latents smaller than the film
        return all;
    };
    ASSERT_EQ(run_program(words("whole.y4m")).exit_code, 0);
    const struct {
        int64_t limit;
        const char* file;
    } cases[] = {{500, "request.json"},
                 {1900, "embeddings.safetensors"},
                 {9000, "latents.safetensors"},
                 {int64_t(fs::file_size(folder / "whole.job/latents.safetensors")) + 4096, "film.y4m"}};
    for (const auto& [limit, file] : cases) {
        const pid_t child = start_program(words("film.y4m"), folder / "errors", limit);
        EXPECT_EQ(wait_for(child), 1) << file;
        const std::string says = read_file(folder / "errors");
        EXPECT_NE(says.find(file), std::string::npos) << says;
        EXPECT_NE(says.find("cannot be written"), std::string::npos) << says;
        EXPECT_EQ(says.find("internal error"), std::string::npos) << says;
        EXPECT_FALSE(fs::exists(folder / "film.y4m")) << file;
    }
    EXPECT_EQ(run_program(words("film.y4m")).exit_code, 0);
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

TEST(Jobs, WritesPreviews) {
    const TemporaryFolder folder;
    auto words = film_words(folder / "film.y4m");
    words.insert(words.end(), {"--preview", "2"});
    const Outcome outcome = run_program(words);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(read_png(folder / "film.preview.png").width, 12);
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
        std::vector<std::string> words{"batch",       folder_ / list, "--output", folder_ / "films",
                                       "--extension", ".y4m",         "--steps",  "2",
                                       "--size",      "96x64",        "--frames", "5"};
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
    // A film of a batch is that of the command alone.
    ASSERT_EQ(run_program({"generate", "-p", "A green star.", "--seed", "3", "--steps", "2", "--size", "96x64",
                           "--frames", "5", "--output", folder_ / "alone.y4m"})
                  .exit_code,
              0);
    EXPECT_EQ(read_file(folder_ / "films/00001.y4m"), read_file(folder_ / "alone.y4m"));
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
    refused("list.json", {"--shard", "0/2"}, "--shard 0/2");
    refused("list.json", {"--stepz", "4"}, "--stepz");
    write_file(folder_ / "bad.json", R"([{"prompt_en": "A ball."}, {"prompt": "A star."}])");
    refused("bad.json", {}, "entry 1 has no text \"prompt_en\"");
    write_file(folder_ / "blank.json", R"([{"prompt_en": " "}])");
    refused("blank.json", {}, "entry 0: \"prompt_en\" is empty");
    write_file(folder_ / "object.json", R"({"prompt_en": "A ball."})");
    refused("object.json", {}, "expected a JSON list");
}

}  // namespace
}  // namespace t3video
