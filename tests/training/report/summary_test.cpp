// What is told of runs that go well, and of those that do not; and what their curves hold.
#include "training/report/summary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "training/report/figures.h"
#include "training/report/sound_run.h"

namespace t3video::training {
namespace {

std::string words_of(const Log& log) {
    std::string words;
    for (const Finding& finding : findings_of(log, summary_of(log)))
        words += (finding.concern == Concern::serious ? "serious: " : "warning: ") + finding.text + "\n";
    return words;
}

TEST(Summary, TimeLossAndWhatIsLeft) {
    const Summary summary = summary_of(sound_run(100));
    EXPECT_EQ(summary.done, 100);
    EXPECT_EQ(summary.planned, 500);
    EXPECT_DOUBLE_EQ(summary.seconds, 1.2);  // the first one, of 30 s, is no measure
    EXPECT_DOUBLE_EQ(summary.planned_seconds, 1);
    EXPECT_NEAR(summary.spent, 30 + 99 * 1.2, 1e-9);
    EXPECT_NEAR(summary.left, 400 * 1.2, 1e-9);
    EXPECT_NEAR(summary.loss, 0.51, 1e-9);         // mean of updates 96 to 100
    EXPECT_NEAR(summary.first_loss, 0.985, 1e-9);  // of 1 to 5
    EXPECT_EQ(summary.peak_bytes, double(int64_t{19} << 30));
    EXPECT_EQ(summary.skipped, 0);
}

// Updates of the second stage have clips of twice the tokens.
TEST(Summary, LaterStagesTakeLonger) {
    Log log = sound_run(100);
    log.run.stages.push_back({.updates = 50, .buckets = {{0, 0, 0, 10, 2240}, {0, 0, 0, 10, 6720}}});
    EXPECT_NEAR(summary_of(log).left, 400 * 1.2 + 50 * 2.4, 1e-9);
    log.run.stages[1].buckets.clear();  // not known
    EXPECT_NEAR(summary_of(log).left, 450 * 1.2, 1e-9);
}

TEST(Findings, NoneForASoundRun) {
    EXPECT_EQ(words_of(sound_run(100)), "");
    EXPECT_EQ(words_of(sound_run(3)), "");
    EXPECT_EQ(words_of(Log()), "");
}

TEST(Findings, EachTroubleIsNamed) {
    const auto words = [](auto&& change) {
        Log log = sound_run(100);
        change(log);
        return words_of(log);
    };
    EXPECT_TRUE(
        has(words([](Log& log) { log.moved[0].share = 0.0005; }),
            "serious: The model has hardly changed: after update 100 its outputs differ from the base's by 0.05 %"));
    EXPECT_EQ(words([](Log& log) { log.moved[0].share = 0.001; }), "");
    EXPECT_TRUE(has(words([](Log& log) { log.moved[0].share = Log::kNone; }), "serious: After update 100"));
    EXPECT_TRUE(has(words([](Log& log) {
                        for (size_t i = 70; i < 100; ++i) log.updates[i].loss = Log::kNone;
                    }),
                    "serious: The last 30 updates have no finite loss: the run is lost from update 71 on"));
    EXPECT_TRUE(has(words([](Log& log) { log.validations[1].mean = 0.33; }),
                    "warning: The validation loss has risen from 0.3 (update 0) to 0.33 (update 100), by 10 %"));
    EXPECT_TRUE(has(words([](Log& log) { log.validations[1].mean = Log::kNone; }), "serious: The validation after"));
    EXPECT_TRUE(has(words([](Log& log) {
                        for (size_t i = 90; i < 100; ++i) log.updates[i].loss = 2;
                    }),
                    "warning: The training loss has risen: 2 in the last 5 updates, where it was 0."));
    EXPECT_TRUE(
        has(words([](Log& log) { log.updates[7].skipped = log.updates[9].skipped = true; }),
            "warning: 2 of 100 updates were skipped, because their gradient was not finite; the last of them was "
            "update 10."));
    EXPECT_EQ(words([](Log& log) { log.updates[7].skipped = true; }), "");
    EXPECT_TRUE(has(words([](Log& log) { log.run.planned_seconds = 300; }),
                    "warning: All updates take about 10 min 29 s, planned were 5 min 00 s."));
    EXPECT_TRUE(has(words([](Log& log) { log.run.planned_bytes = double(int64_t{16} << 30); }),
                    "warning: The run took 19.0 GiB of memory, planned were 16.0 GiB."));
    Log early = sound_run(5);
    early.moved[0].share = 0.0001;
    EXPECT_TRUE(has(words_of(early), "warning: The model has hardly changed so far"));
}

// A later stage has clips of its own, whose losses do not compare with those of the first.
TEST(Findings, ValidationsCompareWithinAStage) {
    Log log = sound_run(100);
    log.validations.push_back({.update = 100, .stage = 1, .mean = 0.5});
    EXPECT_EQ(words_of(log), "");
    log.validations.push_back({.update = 120, .stage = 1, .mean = 0.6});
    EXPECT_TRUE(has(words_of(log), "from 0.5 (update 100) to 0.6 (update 120)"));
}

TEST(Figures, OneForEachQuantity) {
    Log log = sound_run(100);
    log.run.stages = {{.updates = 60}, {.updates = 40}, {.updates = 900}};
    log.validations.push_back({.update = 100, .stage = 1, .losses = {{0.1, 0.5}}, .mean = 0.5});
    log.updates[41].skipped = true;
    const std::vector<report::Plot> plots = plots_of(log);
    std::vector<std::string> titles;
    for (const report::Plot& plot : plots) titles.push_back(plot.title);
    EXPECT_EQ(titles, (std::vector<std::string>{"Training loss", "Validation loss", "Learning rate", "Gradient norm",
                                                "Seconds per update", "Memory in GiB", "Loss by noise level"}));
    EXPECT_EQ(plots[0].scale, report::Scale::logarithmic);
    EXPECT_EQ(plots[0].marks, std::vector{42.0});
    ASSERT_EQ(plots[0].borders.size(), 2u);  // the third stage begins after update 100
    EXPECT_EQ(plots[0].borders[0].x, 60);
    EXPECT_EQ(plots[0].borders[1].name, "stage 3");
    EXPECT_EQ(plots[0].curves.at(1).points.at(99).y, summary_of(log).loss);

    const auto& curves = plots[1].curves;  // of both levels, and the mean
    ASSERT_EQ(curves.size(), 3u);
    EXPECT_EQ(curves[0].name, "σ 0.1");
    EXPECT_EQ(curves[0].points.at(1).y, 0.3);
    EXPECT_TRUE(std::isnan(curves[0].points.at(2).y));  // between the stages
    EXPECT_EQ(curves[0].points.at(3).y, 0.5);
    EXPECT_TRUE(std::isnan(curves[1].points.at(3).y));  // was not measured
    EXPECT_EQ(curves[2].name, "mean");

    EXPECT_EQ(plots[4].scale, report::Scale::logarithmic);  // 30 s among 1.2 s
    EXPECT_EQ(plots[4].levels.at(0).y, 0.5);
    EXPECT_EQ(plots[5].curves.at(0).points.at(0).y, 19);
    EXPECT_EQ(plots[6].curves.at(0).points.size(), 100u);
    EXPECT_TRUE(plots_of(Log()).empty());
}

}  // namespace
}  // namespace t3video::training
