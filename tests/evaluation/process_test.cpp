// Other programs: what they write, how they end, and that nothing of them is left.
#include "evaluation/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <limits>
#include <sstream>
#include <thread>

#include "core/error.h"
#include "support/files.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;
using End = ProcessResult::End;
using testing::TemporaryFolder;

constexpr double kLong = 60;  // seconds; no test takes so long unless it fails

ProcessResult run_shell(const std::string& script, double seconds = kLong, const std::stop_token& stop = {}) {
    return run_process({"/bin/sh", "-c", script}, seconds, stop);
}

// Whether a process that was killed ends, which the system lets it do when it is its turn. One that nobody has taken
// note of yet has ended.
bool ends(const std::string& process) {
    for (int i = 0; i < 1000; ++i) {
        const std::string status = testing::read_file("/proc/" + process + "/stat");
        if (status.empty() || status.find(") Z") != std::string::npos) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

size_t open_files() {
    return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

TEST(Process, TellsWhatAProgramWritesAndHowItEnds) {
    const ProcessResult result = run_shell("echo one; echo two >&2; echo three; exit 3");
    EXPECT_EQ(result.end, End::exited);
    EXPECT_EQ(result.code, 3);
    EXPECT_EQ(result.output, "one\nthree\n");
    EXPECT_EQ(result.errors, "two\n");
    EXPECT_FALSE(result.succeeded());
    EXPECT_TRUE(run_process({"true"}, kLong).succeeded());
    EXPECT_TRUE(run_process({"true"}, std::numeric_limits<double>::infinity()).succeeded());
}

TEST(Process, WordsArriveAsTheyAre) {
    const std::string word = " $(echo no) `id` \"'\\ \n* \xff ä";
    EXPECT_EQ(run_process({"printf", "%s|", word, "", "-n"}, kLong).output, word + "||-n|");
}

TEST(Process, InputIsEmpty) {
    EXPECT_EQ(run_shell("cat; echo end").output, "end\n");
}

TEST(Process, ProgramsThatCannotBeStartedAreNamedAsSuch) {
    const TemporaryFolder folder;
    const auto expect_reason = [](const std::vector<std::string>& words, int reason, const std::string& text) {
        const ProcessResult result = run_process(words, kLong);
        EXPECT_EQ(result.end, End::not_started) << words[0];
        EXPECT_EQ(result.code, reason) << words[0];
        EXPECT_FALSE(result.succeeded());
        EXPECT_EQ(words_of_failure(result, kLong), "cannot be started: " + text);
    };
    expect_reason({"no-such-program-anywhere"}, ENOENT, "No such file or directory");
    expect_reason({testing::write_file(folder / "plain", "text").string()}, EACCES, "Permission denied");
    expect_reason({"true", std::string("a\0b", 3)}, EINVAL, "Invalid argument");
    expect_reason({"true", std::string(3 << 20, 'x')}, E2BIG, "Argument list too long");
    EXPECT_THROW(run_process({}, kLong), Error);
}

TEST(Process, BothOutputsAreReadHoweverLongTheyAre) {
    const ProcessResult result =
        run_shell("head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero; echo last >&2; echo end");
    EXPECT_EQ(result.end, End::exited);
    EXPECT_EQ(result.output, std::string(65532, '\0') + "end\n");
    EXPECT_EQ(result.errors, std::string(65531, '\0') + "last\n");
}

TEST(Process, EndlessOutputDoesNotHideTheClock) {
    const ProcessResult result = run_process({"yes"}, 0.2);
    EXPECT_EQ(result.end, End::timed_out);
    EXPECT_EQ(result.output.size(), 65536u);
}

TEST(Process, TimeIsLimitedForAllThatItStarted) {
    const ProcessResult result = run_shell("sleep 1000 & echo $!; (sleep 1000; echo no) & wait", 0.3);
    EXPECT_EQ(result.end, End::timed_out);
    ASSERT_FALSE(result.output.empty());
    EXPECT_TRUE(ends(last_line(result.output)));
    EXPECT_EQ(words_of_failure(result, 0.3), "took longer than 0.3 s");
}

TEST(Process, AProgramThatClosesItsOutputsIsWaitedFor) {
    EXPECT_EQ(run_shell("exec >&- 2>&-; sleep 0.2; exit 5").code, 5);
    EXPECT_EQ(run_shell("exec >&- 2>&-; sleep 1000", 0.3).end, End::timed_out);
}

TEST(Process, WhatIsLeftBehindMayFinishButNotStay) {
    EXPECT_EQ(run_shell("(sleep 0.2; echo late) & echo early").output, "early\nlate\n");
    const ProcessResult result = run_shell("sleep 1000 & echo $!");
    EXPECT_EQ(result.end, End::exited);
    EXPECT_TRUE(result.succeeded());
    EXPECT_TRUE(ends(last_line(result.output)));
    // One that has left the group and holds the pipes is not waited for.
    EXPECT_EQ(run_shell("setsid sleep 3 & echo said").output, "said\n");
}

TEST(Process, AStopKillsTheGroup) {
    const TemporaryFolder folder;
    const fs::path numbers = folder / "numbers";
    std::stop_source stop;
    const std::jthread stopping([&] {
        while (testing::read_file(numbers).find("end") == std::string::npos)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        stop.request_stop();
    });
    EXPECT_THROW(run_shell("sleep 1000 & echo $! end >" + numbers.string() + "; wait", kLong, stop.get_token()),
                 Stopped);
    const std::string text = testing::read_file(numbers);
    EXPECT_TRUE(ends(text.substr(0, text.find(' '))));
}

TEST(Process, SignalsThatAreBlockedOrIgnoredHereWorkThere) {
    sigset_t blocked, before;
    sigemptyset(&blocked);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&blocked, signal);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto pipe = signal(SIGPIPE, SIG_IGN);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
        const ProcessResult result = run_shell("kill -" + std::to_string(signal) + " $$; echo alive");
        EXPECT_EQ(result.end, End::killed) << signal;
        EXPECT_EQ(result.code, signal);
        EXPECT_EQ(result.output, "");
    }
    signal(SIGPIPE, pipe);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(Process, ItHasAGroupOfItsOwn) {
    const std::string group = run_shell("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat").output;
    EXPECT_NE(std::stol(group), long{getpgrp()});
}

TEST(Process, NothingStaysOpen) {
    run_shell("true");
    const size_t before = open_files();
    std::stop_source stop;
    stop.request_stop();
    run_shell("echo a; echo b >&2");
    run_shell("sleep 1000", 0.05);
    run_process({"no-such-program-anywhere"}, kLong);
    EXPECT_THROW(run_shell("sleep 1000", kLong, stop.get_token()), Stopped);
    EXPECT_EQ(open_files(), before);
}

// A program that runs others in a process of its own, whose number is given to `what`, once the file `begun` is there.
template <class What>
void while_running(const std::string& script, const fs::path& begun, const What& what) {
    const pid_t child = fork();
    if (child == 0) {
        run_shell(script);
        _exit(0);
    }
    for (int i = 0; i < 6000 && testing::read_file(begun).find("end") == std::string::npos; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    what(child);
    waitpid(child, nullptr, 0);
}

TEST(Process, NothingOutlivesThisProgramHoweverItEnds) {
    const TemporaryFolder folder;
    const fs::path numbers = folder / "numbers";
    while_running("setsid sleep 1000 & a=$!; sleep 1000 & echo $$ $a $! end >" + numbers.string() + "; wait", numbers,
                  [](pid_t program) { kill(program, SIGKILL); });
    std::istringstream text(testing::read_file(numbers));
    size_t processes = 0;
    for (std::string process; text >> process && process != "end"; ++processes) EXPECT_TRUE(ends(process)) << process;
    EXPECT_EQ(processes, 3U);
}

TEST(Process, WhatLeftTheGroupIsKilledToo) {
    const TemporaryFolder folder;
    const fs::path number = folder / "number";
    const std::string script = "setsid sh -c 'setsid sleep 1000 & echo $! >" + number.string() + "; sleep 1000' & ";
    const auto last = [&] {
        const std::string text = testing::read_file(number);
        return text.substr(0, text.find('\n'));
    };
    EXPECT_TRUE(run_shell(script + "sleep 0.3").succeeded());
    ASSERT_FALSE(last().empty());
    EXPECT_TRUE(ends(last()));
    EXPECT_EQ(run_shell(script + "sleep 1000", 0.5).end, End::timed_out);
    EXPECT_TRUE(ends(last()));
}

TEST(Process, AProgramThatFindsNoProcessIsNotStarted) {
    const auto with_limit = [] {
        const rlimit none{8, 8};  // open files: too few for pipes
        setrlimit(RLIMIT_NOFILE, &none);
        while (open("/dev/null", O_RDONLY) >= 0) {
        }
        const ProcessResult result = run_shell("echo 1");
        _exit(result.end == End::not_started && result.code == EMFILE ? 3 : 4);
    };
    EXPECT_EXIT(with_limit(), ::testing::ExitedWithCode(3), "");
}

TEST(Process, HowItEndedIsKnownWhereChildrenAreNotWaitedFor) {
    const auto ignoring = [] {
        signal(SIGCHLD, SIG_IGN);
        _exit(run_shell("exit 5").code == 5 ? 3 : 4);
    };
    EXPECT_EXIT(ignoring(), ::testing::ExitedWithCode(3), "");
}

TEST(Process, ManyAtOnceDoNotWaitForEachOther) {
    std::vector<std::string> outputs(8);
    {
        std::vector<std::jthread> threads;
        for (size_t i = 0; i < outputs.size(); ++i) {
            threads.emplace_back([&outputs, i] {
                for (int k = 0; k < 5; ++k) outputs[i] += run_shell("echo " + std::to_string(i)).output;
            });
        }
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
        std::string expected;
        for (int k = 0; k < 5; ++k) expected += std::to_string(i) + "\n";
        EXPECT_EQ(outputs[i], expected);
    }
}

TEST(Process, FailuresAreToldInOneLine) {
    const auto words = [](const std::string& script) { return words_of_failure(run_shell(script), kLong); };
    EXPECT_EQ(words("exit 3"), "ended with exit status 3");
    EXPECT_EQ(words("echo first >&2; printf 'no \\033[31mmodel\\n\\n' >&2; exit 1"),
              "ended with exit status 1: no \\x1b[31mmodel");
    EXPECT_EQ(words("kill -9 $$"), "was killed by signal 9 (Killed)");
    EXPECT_EQ(words("exit 137"), "was killed by signal 9 (Killed)");
    EXPECT_EQ(words("exit 255"), "ended with exit status 255");
    EXPECT_EQ(words("head -c 1000 /dev/zero | tr '\\0' a >&2; exit 2"),
              "ended with exit status 2: " + std::string(300, 'a') + "...");
}

TEST(Process, TheLastLineIsTheLastThatHoldsSomething) {
    EXPECT_EQ(last_line(""), "");
    EXPECT_EQ(last_line(" \n\r\n"), "");
    EXPECT_EQ(last_line("one\n two \t\n\n"), "two");
    EXPECT_EQ(last_line("10 %\r50 %\r100 %\r"), "100 %");
    EXPECT_EQ(last_line("one\r\ntwo\r\n"), "two");
}

class WithPath : public ::testing::Test {
  protected:
    ~WithPath() override { setenv("PATH", before_.c_str(), 1); }
    std::string before_ = getenv("PATH");
};

TEST_F(WithPath, ProgramsAreFoundThere) {
    const TemporaryFolder folder;
    const fs::path plain = testing::write_file(folder / "one/tool", "#!/bin/sh\necho plain\n"),
                   program = testing::write_file(folder / "two/tool", "#!/bin/sh\necho program\n");
    fs::permissions(program, fs::perms::owner_all);
    fs::create_directories(folder / "two/folder");
    setenv(
        "PATH",
        ((folder / "none").string() + ":" + (folder / "one").string() + ":" + (folder / "two").string() + ":" + before_)
            .c_str(),
        1);
    EXPECT_EQ(find_program("tool"), program.string());
    EXPECT_EQ(run_process({"tool"}, kLong).output, "program\n");
    EXPECT_FALSE(find_program("folder"));
    EXPECT_FALSE(find_program("no-such-program-anywhere"));
}

}  // namespace
}  // namespace t3video::evaluation
