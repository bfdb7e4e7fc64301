// Commands that print scores, and all that they may do instead.
#include "evaluation/scorer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "support/errors.h"
#include "support/files.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

constexpr double kLong = 60;  // seconds; no test takes so long unless it fails

Score score_of(const std::string& command, double seconds = kLong) {
    return score_film({"good", command}, "film.mp4", "a prompt", seconds);
}

void expect_number(const std::string& command, double number) {
    const Score score = score_of(command);
    EXPECT_EQ(score.scorer, "good");
    EXPECT_EQ(score.value, number) << command;
    EXPECT_EQ(score.note, "") << command;
}

void expect_note(const std::string& command, const std::string& note, double seconds = kLong) {
    const Score score = score_of(command, seconds);
    EXPECT_EQ(score.scorer, "good");
    EXPECT_TRUE(std::isnan(score.value)) << command;
    EXPECT_EQ(score.note, note) << command;
}

// A script that takes the film and the prompt as its words.
std::string script(const TemporaryFolder& folder, const std::string& text) {
    return "sh " + testing::write_file(folder / "script.sh", text).string();
}

TEST(Scorer, TheLastLineIsTheScore) {
    expect_number("echo 0.75 #", 0.75);
    expect_number("printf -- '-12.5e-1'; :", -1.25);
    expect_number("printf 'loading\\n\\n  3 \\r\\n\\n'; :", 3);
    expect_number("echo 1; echo 2; echo told aside >&2; :", 2);
    expect_number("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo; echo 7; :", 7);
}

TEST(Scorer, NumbersAreWrittenInManyWays) {
    expect_number("echo +5; :", 5);
    expect_number("echo +.5e1; :", 5);
    expect_number("echo 5.; :", 5);
    expect_number("echo -0.0; :", 0);
    expect_number("echo 1e-999; :", 0);
    expect_number("echo -1.5e-999; :", 0);
    expect_number("echo 1e-310; :", 1e-310);
    expect_number("echo 1.7e308; :", 1.7e308);
    for (const std::string text : {"+-5", "++5", "+", "-1e999", "+inf", "1e", "0x10"})
        expect_note("echo " + text + "; :", "printed no finite number, but " + text);
}

TEST(Scorer, OtherLinesAreNoScores) {
    expect_note(":", "printed nothing");
    expect_note("echo 5 >&2; :", "printed nothing");
    expect_note("echo nan; :", "printed no finite number, but nan");
    expect_note("echo inf; :", "printed no finite number, but inf");
    expect_note("echo 1e999; :", "printed no finite number, but 1e999");
    expect_note("echo 5; echo done; :", "printed no finite number, but done");
    expect_note("echo 5 points; :", "printed no finite number, but 5 points");
    expect_note("echo 0,5; :", "printed no finite number, but 0,5");
    expect_note("printf 'a\\033[1mb'; :", "printed no finite number, but a\\x1b[1mb");
}

TEST(Scorer, FailuresSayHowItEndedAndWhatItWroteLast) {
    expect_note("echo 5; exit 3; :", "ended with exit status 3");
    expect_note("echo 5; echo first >&2; echo no weights >&2; exit 3; :", "ended with exit status 3: no weights");
    expect_note("kill -9 $$; :", "was killed by signal 9 (Killed)");
    expect_note("kill -TERM $$; :", "was killed by signal 15 (Terminated)");
    const Score missing = score_of("no-such-program-anywhere");
    EXPECT_TRUE(std::isnan(missing.value));
    EXPECT_TRUE(missing.note.starts_with("ended with exit status 127: ")) << missing.note;
    EXPECT_NE(missing.note.find("no-such-program-anywhere"), std::string::npos) << missing.note;
}

TEST(Scorer, OneThatHangsIsLeft) {
    expect_note("echo 5; sleep 1000 & echo half way >&2; sleep 1000; :", "took longer than 0.5 s: half way", 0.5);
}

TEST(Scorer, AStopIsPassedOn) {
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW(score_film({"good", "sleep 1000; :"}, "film.mp4", "", kLong, stop.get_token()), Stopped);
}

TEST(Scorer, FilmAndPromptReachTheCommandAsTheyAre) {
    const TemporaryFolder folder;
    const std::string prompt = "a \"cat\"; $(rm -rf x) `id` 'and'\n\n -- \\n * ~ ä\xff  ";
    const fs::path film = folder / "my \"film\" $(x) it's;\n.mp4";
    const std::string command =
        script(folder, "printf '%s' \"$1\" >'" + (folder / "1").string() + "'\nprintf '%s' \"$2\" >'" +
                           (folder / "2").string() + "'\nprintf '%s' \"$T3VIDEO_FILM\" >'" + (folder / "3").string() +
                           "'\nprintf '%s' \"$T3VIDEO_PROMPT\" >'" + (folder / "4").string() + "'\necho $#");
    const Score score = score_film({"good", command}, film, prompt, kLong);
    EXPECT_EQ(score.value, 2) << score.note;
    EXPECT_EQ(testing::read_file(folder / "1"), film.string());
    EXPECT_EQ(testing::read_file(folder / "2"), prompt);
    EXPECT_EQ(testing::read_file(folder / "3"), film.string());
    EXPECT_EQ(testing::read_file(folder / "4"), prompt);
}

TEST(Scorer, AFilmIsNeverTakenForAnOption) {
    const TemporaryFolder folder;
    const Score score =
        score_film({"good", script(folder, "echo \"$1\"; printf '%s' \"$2\" | wc -c")}, "-film.mp4", "", kLong);
    EXPECT_EQ(score.value, 0) << score.note;
    const Score path = score_film({"good", script(folder, "echo \"$1\"")}, "-film.mp4", "", kLong);
    EXPECT_EQ(path.note, "printed no finite number, but " + (fs::current_path() / "-film.mp4").string());
}

TEST(Scorer, APromptThatNoProgramTakesIsAFailure) {
    EXPECT_EQ(score_film({"good", "echo 5 #"}, "film.mp4", std::string(3 << 20, 'x'), kLong).note,
              "cannot be started: Argument list too long");
}

TEST(Scorer, NameAndCommandAreParted) {
    const Scorer scorer = parse_scorer("dover-2_b= python3 dover.py --mode=fast\t");
    EXPECT_EQ(scorer.name, "dover-2_b");
    EXPECT_EQ(scorer.command, "python3 dover.py --mode=fast");
}

TEST(Scorer, CommandsOfManyKindsTakeFurtherWords) {
    for (const std::string command : {"cd /x; python3 a.py",
                                      "A=1 python3 a.py",
                                      "python3 a.py A=1",
                                      "python3 a.py 2>/dev/null",
                                      "python3 a.py 2>&1",
                                      "python3 -c 'a; b;'",
                                      "python3 -c \"a &\"",
                                      "python3 a.py \\;",
                                      "echo 1 # a;",
                                      "echo 1; :",
                                      "python3 $(which x;)",
                                      "python3 `which x;`",
                                      "f() { echo 1; }; f",
                                      "(echo 1; :)",
                                      "2>/dev/null python3 a.py",
                                      "A=1 \\\n python3 a.py",
                                      "if true; then echo 1; fi; :",
                                      "! true",
                                      "{ echo 1; } | tail -n",
                                      "echo a#b; x"})
        EXPECT_EQ(parse_scorer("x=" + command).command, command);
}

TEST(Scorer, OtherTextsAreRefused) {
    using testing::expect_invalid;
    expect_invalid([] { parse_scorer("python3 dover.py"); }, {"scorer python3 dover.py: expected NAME=COMMAND"});
    expect_invalid([] { parse_scorer("=python3"); }, {"lower-case letters, digits"});
    expect_invalid([] { parse_scorer("Dover=python3"); }, {"scorer Dover=python3", "lower-case letters, digits"});
    expect_invalid([] { parse_scorer("a b=python3"); }, {"lower-case letters, digits"});
    expect_invalid([] { parse_scorer("dover= "); }, {"with a command"});
    expect_invalid([] { parse_scorer("ssim=python3"); }, {"ssim is the name of a metric"});
    // The film would be run, as a program.
    for (const std::string command :
         {"python3 a.py;", "python3 a.py &", "python3 a.py &&", "true ||", "cat |",  "! ", "{ ",
          "(", "A=1", "A=1 B='2 3'", "cd /x; A=\"1;2\"", ">out", "true; 2>/dev/null", "true; 2> 'a b'",

          "if true; then", "while true; do", "x=$(date);", ";"}) {
        expect_invalid([&] { parse_scorer("x=" + command); },
                       {"scorer x=" + command, "would be a command of their own"});
    }
    EXPECT_THROW(parse_scorer("x=true\n A=1 <in"), InvalidRequest);
    expect_invalid([] { parse_scorer("film=python3"); }, {"film is the name of a metric or column"});
}

}  // namespace
}  // namespace t3video::evaluation
