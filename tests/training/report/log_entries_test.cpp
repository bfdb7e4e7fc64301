// Logs of runs: whole, cut by a kill, damaged, cut back, and on a disk that is full.
#include "training/report/log_entries.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>

#include "core/output_file.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::training {
namespace {

using nlohmann::json;
using testing::expect_invalid;

const std::string kRun =
    R"({"kind":"run","title":"A title","model":"Wan","trained":"LoRA of rank 32","numbers":4980672,"device":"H200",)"
    R"("settings":{"rate":"2e-05","batch":4},"stages":[{"data":"clips","updates":30,"rate":2e-5,"layout":"T3 windows",)"
    R"("buckets":[{"width":448,"height":256,"frames":17,"clips":120,"tokens":2240}]},{"data":"more","updates":12}],)"
    R"("planned_seconds":1234,"planned_bytes":123456789})"
    "\n";

std::string update_line(int64_t update) {
    return json{{"kind", "update"}, {"update", update}, {"loss", 0.5}}.dump() + "\n";
}

class LogEntries : public ::testing::Test {
  protected:
    std::filesystem::path write(const std::string& text) const {
        return testing::write_file(folder_ / "log.jsonl", text);
    }
    Log read(const std::string& text) const { return read_log(write(text)); }

    testing::TemporaryFolder folder_;
};

TEST_F(LogEntries, EveryKindIsRead) {
    const Log log = read(
        kRun + R"({"kind":"validation","update":0,"stage":0,"clips":8,"losses":[{"sigma":0.9,"loss":0.1},)"
               R"({"sigma":0.1,"loss":0.3}],"mean":0.2})"
               "\n"
               R"({"kind":"update","update":1,"stage":1,"loss":0.5,"rate":2e-5,"norm":1.2,"seconds":0.31,)"
               R"("memory_bytes":123,"samples":2,"skipped":true,"sigmas":[0.3,0.9],"losses":[0.25,null],"epoch":0.05})"
               "\n"
               R"({"kind":"moved","update":1,"share":0.012})"
               "\n"
               R"({"kind":"samples","update":1,"films":[{"prompt":"a cat","film":"a.mp4","sheet":"a.png"}]})"
               "\n"
               R"({"kind":"checkpoint","update":1,"file":"c.safetensors"})"
               "\n"
               R"({"kind":"resumed","update":1})"
               "\n"
               R"({"kind":"note","update":1,"text":"a note"})"
               "\n"
               R"({"kind":"from the future","update":"soon"})"
               "\n"
               R"({"kind":"end","update":1,"reason":"stopped","unknown":[1,{}]})"
               "\n");
    EXPECT_EQ(log.run.title, "A title");
    EXPECT_EQ(log.run.numbers, 4980672);
    EXPECT_EQ(log.run.planned_bytes, 123456789);
    EXPECT_EQ(log.run.settings, (std::vector<std::pair<std::string, std::string>>{{"batch", "4"}, {"rate", "2e-05"}}));
    ASSERT_EQ(log.run.stages.size(), 2u);
    EXPECT_EQ(log.run.stages[0].buckets.at(0).tokens, 2240);
    EXPECT_TRUE(std::isnan(log.run.stages[1].rate));
    EXPECT_EQ(log.planned_updates(), 42);

    ASSERT_EQ(log.updates.size(), 1u);
    EXPECT_EQ(log.updates[0].stage, 1);
    EXPECT_EQ(log.updates[0].norm, 1.2);
    EXPECT_EQ(log.updates[0].memory_bytes, 123);
    EXPECT_TRUE(log.updates[0].skipped);
    EXPECT_EQ(log.updates[0].sigmas, (std::vector{0.3, 0.9}));
    EXPECT_EQ(log.updates[0].losses.at(0), 0.25);
    EXPECT_TRUE(std::isnan(log.updates[0].losses.at(1)));

    ASSERT_EQ(log.validations.size(), 1u);
    EXPECT_EQ(log.validations[0].losses, (std::vector<std::pair<double, double>>{{0.1, 0.3}, {0.9, 0.1}}));
    EXPECT_EQ(log.moved.at(0).share, 0.012);
    EXPECT_EQ(log.samples.at(0).films.at(0).sheet, "a.png");
    EXPECT_EQ(log.checkpoints.at(0).text, "c.safetensors");
    ASSERT_EQ(log.notes.size(), 2u);
    EXPECT_EQ(log.notes[0].text, "resumed");
    EXPECT_EQ(log.notes[1].text, "a note");
    EXPECT_EQ(log.end, "stopped");
}

TEST_F(LogEntries, WhatIsNotFiniteOrAbsentIsNotANumber) {
    const Log log = read(R"({"kind":"update","update":1,"loss":null})"
                         "\n");
    EXPECT_TRUE(std::isnan(log.updates.at(0).loss));
    EXPECT_TRUE(std::isnan(log.updates.at(0).seconds));
    EXPECT_EQ(log.last_update(), 1);
    EXPECT_EQ(read("").last_update(), 0);
}

TEST_F(LogEntries, ARunThatGoesOnHasNotEnded) {
    const std::string stopped = update_line(1) + R"({"kind":"end","update":1,"reason":"stopped"})" + "\n";
    EXPECT_EQ(read(stopped).end, "stopped");
    EXPECT_EQ(read(stopped + R"({"kind":"resumed","update":1})" + "\n").end, std::nullopt);
    EXPECT_EQ(read(stopped + update_line(2)).end, std::nullopt);
}

// Samples that were made anew after a resume take the place of the older ones.
TEST_F(LogEntries, SamplesOfAnUpdateAreThoseThatCameLast) {
    const auto line = [](const char* prompt) {
        return json{{"kind", "samples"}, {"update", 5}, {"films", {{{"prompt", prompt}}}}}.dump() + "\n";
    };
    const Log log = read(line("old") + line("new"));
    ASSERT_EQ(log.samples.size(), 1u);
    EXPECT_EQ(log.samples[0].films.at(0).prompt, "new");
}

TEST_F(LogEntries, ALastLineThatWasCutIsPassedOver) {
    const std::string whole = update_line(1) + update_line(2), last = update_line(3);
    for (size_t bytes = 0; bytes + 1 < last.size(); ++bytes)
        EXPECT_EQ(read(whole + last.substr(0, bytes)).last_update(), 2) << bytes;
    EXPECT_EQ(read(whole + last.substr(0, last.size() - 1)).last_update(), 3);  // only the line's end is absent
    EXPECT_EQ(read(whole + std::string(20, '\0')).last_update(), 2);  // as file systems leave it when power fails
}

TEST_F(LogEntries, AnyOtherDamageIsNamed) {
    const std::string path = (folder_ / "log.jsonl").string();
    const auto expect_refused = [&](const std::string& line, const std::string& what) {
        const auto file = write(kRun + line + "\n" + update_line(2));
        expect_invalid([&] { read_log(file); }, {path + ": line 2", what});
    };
    expect_refused(R"({"kind":"upd)", "expected a JSON object");
    expect_refused("[1]", "expected a JSON object");
    expect_refused("\xff\xfe", "expected a JSON object");
    expect_refused(R"({"kind":"update","update":1,"loss":"abc"})", R"("loss" is "abc", expected a number)");
    expect_refused(R"({"kind":"update","update":1.5})", "expected a whole number");
    expect_refused(R"({"kind":"update","update":-1})", "expected 0 to 1000000000000000");
    expect_refused(R"({"kind":"update","update":18446744073709551615})", "expected 0 to");
    expect_refused(R"({"kind":"run","stages":[{"updates":9000000000000000000}]})", "expected 0 to");
    expect_refused(R"({"kind":"update","update":1,"skipped":0})", "expected true or false");
    expect_refused(R"({"kind":"update","update":1,"sigmas":0.5})", "expected a list");
    expect_refused(R"({"kind":"update","update":1,"sigmas":["x"]})", "expected numbers");
    expect_refused(R"({"kind":"samples","films":["x"]})", "expected an object");
    expect_refused(R"({"kind":7})", "expected a text");
    expect_refused(R"({"kind":"update"})", "is update 0 after update 0, expected a later one");
    // The last line too, once it has its end.
    const auto file = write(update_line(1) + "{\"kind\n");
    expect_invalid([&] { read_log(file); }, {path + ": line 2"});
    const auto twice = write(update_line(4) + update_line(4));
    expect_invalid([&] { read_log(twice); }, {path + ": line 2", "is update 4 after update 4"});
    expect_invalid([&] { read_log(folder_ / "none.jsonl"); }, {"no such file", "the log of a training run"});
}

TEST_F(LogEntries, CutKeepsWhatCameBefore) {
    const std::string before = kRun + update_line(1) + R"({"kind":"note","update":1,"text":"x"})" + "\n" +
                               R"({ "kind": "unknown", "with": "blanks" })" + "\n" + update_line(2) +
                               R"({"kind":"checkpoint","update":2,"file":"c"})" + "\n",
                      after = update_line(3) + R"({"kind":"samples","update":3,"films":[]})" + "\n" +
                              R"({"kind":"end","update":3,"reason":"done"})" + "\n";
    const auto file = write(before + after + R"({"kind":"upda)");
    cut_log(file, 3);
    EXPECT_EQ(testing::read_file(file), before + after);  // without the line that is not whole
    cut_log(file, 2);
    EXPECT_EQ(testing::read_file(file), before);
    cut_log(file, 2);
    EXPECT_EQ(testing::read_file(file), before);
    cut_log(file, 0);
    EXPECT_EQ(testing::read_file(file), kRun + R"({ "kind": "unknown", "with": "blanks" })" + "\n");
}

TEST_F(LogEntries, CutLeavesADamagedLogAlone) {
    const std::string damaged = kRun + "{broken\n" + update_line(1);
    const auto file = write(damaged);
    expect_invalid([&] { cut_log(file, 0); }, {"log.jsonl: line 2"});
    EXPECT_EQ(testing::read_file(file), damaged);
}

TEST_F(LogEntries, WriterAddsWholeLines) {
    const auto file = folder_ / "log.jsonl";
    {
        LogWriter writer(file);
        writer.add({{"kind", "run"}, {"title", "caf\xe9 \xf0\x9f\x90\x88"}});
        EXPECT_EQ(read_log(file).run.title, "caf\xef\xbf\xbd \xf0\x9f\x90\x88");  // at once
        writer.add({{"kind", "update"}, {"update", 1}, {"loss", std::nan("")}});
    }
    LogWriter(file).add({{"kind", "note"}, {"update", 1}, {"text", "two\nlines"}});
    const Log log = read_log(file);
    EXPECT_TRUE(std::isnan(log.updates.at(0).loss));
    EXPECT_EQ(log.notes.at(0).text, "two\nlines");
    const std::string text = testing::read_file(file);
    EXPECT_EQ(std::ranges::count(text, '\n'), 3);
    EXPECT_TRUE(text.ends_with('\n'));
}

TEST_F(LogEntries, WriterMendsTheLastLine) {
    const auto cut = write(update_line(1) + R"({"kind":"upd)");
    LogWriter(cut).add({{"kind", "update"}, {"update", 2}});
    EXPECT_EQ(read_log(cut).last_update(), 2);
    const std::string second = update_line(2);
    const auto open = write(update_line(1) + second.substr(0, second.size() - 1));  // whole but for its end
    LogWriter(open).add({{"kind", "update"}, {"update", 3}});
    EXPECT_EQ(read_log(open).updates.size(), 3u);
    const auto only = write(R"({"kind")");
    LogWriter(only).add({{"kind", "update"}, {"update", 7}});
    EXPECT_EQ(read_log(only).last_update(), 7);
}

TEST_F(LogEntries, WriterRefusesWhatIsNoFile) {
    expect_invalid([&] { LogWriter(folder_ / "none" / "log.jsonl"); }, {"none/log.jsonl", "cannot be written"});
    expect_invalid([&] { LogWriter(folder_.path()); }, {folder_.path().string()});
    expect_invalid([] { LogWriter("/dev/full"); }, {"is a device"});
}

// A file that may not grow further refuses like a full disk, in the middle of a line.
TEST_F(LogEntries, AFullDiskLeavesWholeLines) {
    const auto file = write(update_line(1));
    LogWriter writer(file);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{std::filesystem::file_size(file) + 10, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    EXPECT_THROW(writer.add({{"kind", "update"}, {"update", 2}}), WriteError);
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, old_handler);
    EXPECT_EQ(testing::read_file(file), update_line(1));
    writer.add({{"kind", "update"}, {"update", 2}});
    EXPECT_EQ(read_log(file).last_update(), 2);
}

}  // namespace
}  // namespace t3video::training
