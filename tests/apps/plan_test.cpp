// t3video plan: table, JSON, exit codes, and its memory against a real run's.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "support/memory.h"
#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
using nlohmann::json;

TEST(PlanCommand, PrintsATable) {
    const Outcome outcome = run_program({"plan"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    for (const char* part :
         {"Film 448x256, 17 frames", "TFLOP", "\ntext ", "\ndenoise ", "\ndecode ", "\nall ", "MiB", "Allowed: "}) {
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    }
}

TEST(PlanCommand, KnowsThePublishedModels) {
    const Outcome outcome =
        run_program({"plan", "--published", "wan2.1-1.3b", "--size", "3840x2160", "--memory", "900GiB", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const json plan = json::parse(outcome.out);
    EXPECT_EQ(plan["frames"], 81);
    EXPECT_EQ(plan["fits"], true);
    const json& denoise = plan["stages"][1];
    EXPECT_EQ(denoise["name"], "denoise");
    // 30 layers of width 1536, 685440 tokens, 100 passes: projections and feed-forward, 20 TFLOP each to 4 %.
    const double products = 2.0 * 685440 * 30 * (6.0 * 1536 * 1536 + 2.0 * 1536 * 8960) * 100;
    EXPECT_NEAR(denoise["matrix_flop"].get<double>() / products, 1, 0.04);
    EXPECT_GT(denoise["seconds"].get<double>(), 60);
}

TEST(PlanCommand, RefusesWhatDoesNotFit) {
    const Outcome outcome = run_program({"plan", "--published", "wan2.1-1.3b", "--memory", "3GiB", "--json"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(json::parse(outcome.out)["fits"], false);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    for (const char* part : {"t3video: ", "3.0 GiB may be used", "--frames ", "--size "}) {
        EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome.err;
    }
}

TEST(PlanCommand, MemoryIsThatOfARun) {
    if (!kMemoryIsMeasurable) GTEST_SKIP();
    const TemporaryFolder folder;
    const std::vector<std::string> film{"--frames", "9", "--steps", "1"};
    std::vector<std::string> plan{"plan", "--json"};
    std::vector<std::string> generate{"generate", "--prompt", "A red ball.", "--output", folder / "film.y4m"};
    plan.insert(plan.end(), film.begin(), film.end());
    generate.insert(generate.end(), film.begin(), film.end());
    const Outcome planned = run_program(plan);
    ASSERT_EQ(planned.exit_code, 0) << planned.err;
    const Outcome made = run_program(generate);
    ASSERT_EQ(made.exit_code, 0) << made.err;
    rusage children{};
    ASSERT_EQ(getrusage(RUSAGE_CHILDREN, &children), 0);  // of the largest
    const double measured = double(children.ru_maxrss) * 1024,
                 expected = json::parse(planned.out)["memory_bytes"].get<double>();
    RecordProperty("measured_mb", static_cast<int>(measured / 1e6));
    RecordProperty("planned_mb", static_cast<int>(expected / 1e6));
    EXPECT_LT(measured, expected) << "bytes: more than planned";
    EXPECT_GT(measured, 0.6 * expected) << "bytes: far less than planned";
}

TEST(PlanCommand, GenerateShowsThePlanAndRefuses) {
    const TemporaryFolder folder;
    const std::vector<std::string> film{"generate",          "--prompt", "A red ball.", "--output",
                                        folder / "film.y4m", "--size",   "640x384"};
    auto small = film, tiny = film;
    small.insert(small.end(), {"--frames", "1", "--steps", "1", "--no-contact-sheet"});
    const Outcome made = run_program(small);
    EXPECT_EQ(made.exit_code, 0) << made.err;
    for (const char* part : {"Plan   text", "Plan   denoise", "Plan   decode", "Plan   all"}) {
        EXPECT_NE(made.err.find(part), std::string::npos) << part << "\n" << made.err;
    }
    std::filesystem::remove_all(folder / "film.job");
    std::filesystem::remove(folder / "film.y4m");
    tiny.insert(tiny.end(), {"--frames", "81", "--memory", "150MiB"});
    const Outcome refused = run_program(tiny);
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_NE(refused.err.find("150 MiB may be used; what fits: "), std::string::npos) << refused.err;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "something was written";
}

}  // namespace
}  // namespace t3video
