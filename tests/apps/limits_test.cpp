// What the system allows the program: memory, processors, sizes of files, readers of its messages, and files that
// others change meanwhile.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "core/parallel.h"
#include "media/video_writer.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // reserves terabytes of addresses
#else
constexpr bool kSanitized = false;
#endif

std::string small_film(const fs::path& output, const std::string& steps = "2") {
    return "generate -p ball --size 96x64 --frames 5 --steps " + steps + " -o '" + output.string() + "'";
}

// Runs a script, in which t3video is the program.
Outcome run_shell(const std::string& script) {
    const TemporaryFolder folder;
    write_file(folder / "script",
               "PROGRAM='" + program_path() + "'\nt3video() { \"$PROGRAM\" \"$@\"; }\n" + script + "\n");
    const int status = std::system(("sh '" + (folder / "script").string() + "' >'" + (folder / "out").string() +
                                    "' 2>'" + (folder / "err").string() + "'")
                                       .c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, read_file(folder / "out"), read_file(folder / "err")};
}

std::string last_line(const std::string& text) {
    const size_t end = text.find_last_not_of('\n'), before = text.rfind('\n', end);
    return end == std::string::npos ? "" : text.substr(before == std::string::npos ? 0 : before + 1, end - before);
}

bool comes_true(const std::function<bool()>& condition) {
    for (int i = 0; i < 120000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return condition();
}

// Nothing half written in a folder.
void expect_no_partial(const fs::path& folder) {
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        EXPECT_NE(entry.path().extension(), ".partial") << entry.path();
}

struct AddressSpace {
    int64_t kilobytes;
    std::string options;
};

std::ostream& operator<<(std::ostream& out, const AddressSpace& limit) {
    return out << limit.kilobytes << " kB" << limit.options;
}

class AddressSpaces : public ::testing::TestWithParam<AddressSpace> {};

// Refused from the plan, or made: no library is let run out of memory, where some crash or wait for ever.
TEST_P(AddressSpaces, AreKeptOrRefused) {
    if (kSanitized) GTEST_SKIP() << "sanitizers reserve addresses";
    if (!media::has_video_support()) GTEST_SKIP() << "no FFmpeg";
    const auto& [kilobytes, options] = GetParam();
    const TemporaryFolder folder;
    const Outcome outcome = run_shell("ulimit -v " + std::to_string(kilobytes) + "; timeout 100 \"$PROGRAM\" " +
                                      small_film(folder / "a.mp4") + options);
    const std::string says = last_line(outcome.err);
    if (outcome.exit_code == 0) {
        EXPECT_GT(fs::file_size(folder / "a.mp4"), 0u);
    } else {
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        const bool explained = says.find("(ulimit -v)") != std::string::npos ||
                               says.find("Cannot allocate memory") != std::string::npos;  // of mapping a model's file
        EXPECT_TRUE(says.starts_with("t3video: ") && explained) << outcome.err;
    }
    expect_no_partial(folder.path());
}

INSTANTIATE_TEST_SUITE_P(Limits, AddressSpaces,
                         ::testing::Values(AddressSpace{300000, ""}, AddressSpace{300000, " --codec hevc"},
                                           AddressSpace{400000, ""}, AddressSpace{400000, " --codec av1"},
                                           AddressSpace{600000, " --codec hevc"}, AddressSpace{600000, " --codec av1"},
                                           AddressSpace{2000000, " --codec av1"}),
                         [](const auto& one) {
                             const std::string codec = one.param.options.empty() ? "h264" : one.param.options.substr(9);
                             return codec + "_" + std::to_string(one.param.kilobytes);
                         });

TEST(Limits, PlanNamesTheLimitOfAddressSpace) {
    if (kSanitized) GTEST_SKIP() << "sanitizers reserve addresses";
    const Outcome refused = run_shell("ulimit -v 400000; t3video plan");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.out.find("(what the limit of address space (ulimit -v) of 390 MiB leaves)"), std::string::npos)
        << refused.out;
    const Outcome more = run_shell("ulimit -v 400000; t3video plan --memory 1GiB");
    EXPECT_EQ(more.exit_code, 2);
    const Outcome fits = run_shell("ulimit -v 4000000; t3video plan");
    EXPECT_EQ(fits.exit_code, 0) << fits.err;
}

// A group of its own below this process's, where the system lets us make one.
class MemoryGroup {
  public:
    explicit MemoryGroup(int64_t bytes) {
        const Outcome made = run_shell(
            "at=$(awk -F: '$2 == \"memory\" { print $3 }' /proc/self/cgroup)\n"
            "g=/sys/fs/cgroup/memory$at/t3video-test-$$\n"
            "mkdir \"$g\" && echo " +
            std::to_string(bytes) + " >\"$g/memory.limit_in_bytes\" && echo \"$g\"");
        if (made.exit_code == 0) folder_ = made.out.substr(0, made.out.find('\n'));
    }
    ~MemoryGroup() {
        if (!folder_.empty()) rmdir(folder_.c_str());
    }
    MemoryGroup(const MemoryGroup&) = delete;
    MemoryGroup& operator=(const MemoryGroup&) = delete;
    bool exists() const { return !folder_.empty(); }
    Outcome run(const std::string& script) const {
        return run_shell("echo $$ >'" + folder_.string() + "/cgroup.procs'\n" + script);
    }

  private:
    fs::path folder_;
};

TEST(Limits, OfAMemoryGroupAreKeptOrRefused) {
    const MemoryGroup group(int64_t{300} << 20);
    if (!group.exists()) GTEST_SKIP() << "no memory cgroup can be made here";
    const TemporaryFolder folder;
    const Outcome plan = group.run("t3video plan --size 832x480 --frames 81");
    EXPECT_EQ(plan.exit_code, 2);
    for (const std::string& text : {plan.out, plan.err})
        EXPECT_NE(text.find("(what the memory cgroup's limit of 300 MiB leaves)"), std::string::npos) << text;
    const Outcome asked = group.run("t3video plan --size 832x480 --frames 81 --memory 4GiB");
    EXPECT_EQ(asked.exit_code, 2);
    const Outcome refused =
        group.run("t3video generate -p x --size 832x480 --frames 81 -o '" + (folder / "a.y4m").string() + "'");
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_TRUE(fs::is_empty(folder.path()));
    const Outcome made = group.run("t3video " + small_film(folder / "a.y4m"));
    EXPECT_EQ(made.exit_code, 0) << made.err;
}

TEST(Limits, MoreThreadsThanProcessorsAreNotTaken) {
    const TemporaryFolder folder;
    const Outcome outcome = run_shell("t3video " + small_film(folder / "a.y4m") + " --threads 1024");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const std::string line = "--threads 1024: this process may use " + std::to_string(available_threads());
    EXPECT_NE(outcome.err.find(line), std::string::npos) << outcome.err;
}

TEST(Limits, OfTheSizeOfFilesAreSaidLikeFullDisks) {
    const TemporaryFolder folder;
    const std::string film = small_film(folder / "a.y4m") + " --no-contact-sheet --quiet";
    const Outcome refused = run_shell("ulimit -f 80; t3video " + film);  // of 512 bytes; the film has 46 kB
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_TRUE(refused.err.starts_with("t3video: ")) << refused.err;
    EXPECT_EQ(std::ranges::count(refused.err, '\n'), 1) << refused.err;
    EXPECT_NE(refused.err.find("File too large; allow larger files (ulimit -f"), std::string::npos) << refused.err;
    EXPECT_FALSE(fs::exists(folder / "a.y4m"));
    expect_no_partial(folder.path());
    EXPECT_EQ(run_shell("t3video " + film).exit_code, 0);
}

// A film goes on where nobody reads how, or nothing takes it.
TEST(Limits, MessagesThatNobodyTakesEndNoFilm) {
    const TemporaryFolder folder;
    const auto code = [&](const std::string& name, const std::string& where) {
        run_shell("{ t3video " + small_film(folder / (name + ".y4m"), "6") + "; echo $? >'" + (folder / name).string() +
                  "'; } " + where);
        EXPECT_TRUE(fs::exists(folder / (name + ".y4m"))) << name;
        return read_file(folder / name);
    };
    EXPECT_EQ(code("pipe", "2>&1 | true"), "0\n");
    EXPECT_EQ(code("full", "2>/dev/full"), "0\n");
    EXPECT_EQ(code("closed", "2>&-"), "0\n");
}

struct Running {
    TemporaryFolder folder;
    pid_t child = 0;

    explicit Running(const std::vector<std::string>& options = {}) {
        std::vector<std::string> words{"generate",
                                       "-p",
                                       "ball",
                                       "--size",
                                       "96x64",
                                       "--frames",
                                       "5",
                                       "--steps",
                                       "400",
                                       "-o",
                                       (folder / "a.y4m").string(),
                                       "--quiet"};
        words.insert(words.end(), options.begin(), options.end());
        child = start_program(words, folder / "errors");
    }
    bool denoises() const {
        return comes_true([&] { return fs::exists(folder / "a.job/latents.safetensors"); });
    }
    std::string errors() const { return read_file(folder / "errors"); }
};

TEST(Limits, AClosedTerminalStopsAtASafePoint) {
    const Running film;
    ASSERT_TRUE(film.denoises());
    kill(film.child, SIGHUP);
    EXPECT_EQ(wait_for(film.child), 128 + SIGHUP);
    EXPECT_NE(film.errors().find("t3video: stopped after step "), std::string::npos) << film.errors();
    expect_no_partial(film.folder.path());
}

// Of a model that changes under a film, nothing is kept.
TEST(Limits, AModelFileThatIsChangedInPlaceIsNamed) {
    for (const bool cut : {true, false}) {
        const TemporaryFolder model;
        fs::copy(T3VIDEO_SOURCE "/models/demo", model.path(),
                 fs::copy_options::recursive | fs::copy_options::overwrite_existing);
        const fs::path dit = model / "diffusion_pytorch_model.safetensors";
        fs::last_write_time(dit, fs::last_write_time(dit) - std::chrono::seconds(10));
        const Running film({"--model", model.path().string()});
        ASSERT_TRUE(film.denoises());
        if (cut) {
            fs::resize_file(dit, fs::file_size(dit) / 2);
        } else {
            std::fstream(dit, std::ios::in | std::ios::out).seekp(4096) << "other bytes";
        }
        const int code = wait_for(film.child);
        EXPECT_TRUE(code == 1 || code == 2) << code;
        const std::string says = film.errors();
        EXPECT_TRUE(says.starts_with("t3video: " + dit.string() + ": was c")) << says;  // cut short, changed
        EXPECT_EQ(std::ranges::count(says, '\n'), 1) << says;
        EXPECT_FALSE(fs::exists(film.folder / "a.y4m"));
    }
}

// Name and environment of a program that was started with these variables, as the system tells them while it runs.
std::string started_with(const std::string& variables) {
    const TemporaryFolder folder;
    const std::string saved = (folder / "a.job/latents.safetensors").string();
    return run_shell("unset OMP_WAIT_POLICY GOMP_SPINCOUNT KMP_BLOCKTIME KMP_LIBRARY\n" + variables + " \"$PROGRAM\" " +
                     small_film(folder / "a.y4m", "400") + " --quiet &\nuntil [ -e '" + saved +
                     "' ]; do sleep 0.1; done\n"
                     "cat /proc/$!/comm /proc/$!/environ | tr '\\0' '\\n'; kill -9 $!; wait")
        .out;
}

TEST(Limits, ThreadsSpinShortlyUnlessTheUserChoseOtherwise) {
    const std::string alone = started_with("X=1");
    EXPECT_TRUE(alone.starts_with("t3video\n")) << alone;
    EXPECT_NE(alone.find("\nGOMP_SPINCOUNT=1000\n"), std::string::npos) << alone;
    EXPECT_NE(alone.find("\nX=1\n"), std::string::npos) << alone;
    for (const char* choice : {"OMP_WAIT_POLICY=passive", "GOMP_SPINCOUNT=77", "KMP_BLOCKTIME=5"}) {
        const std::string chosen = started_with(choice);
        EXPECT_NE(chosen.find(std::string("\n") + choice + "\n"), std::string::npos) << chosen;
        EXPECT_EQ(chosen.find("SPINCOUNT=1000"), std::string::npos) << chosen;
    }
}

}  // namespace
}  // namespace t3video
