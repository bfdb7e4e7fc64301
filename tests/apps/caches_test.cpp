// Step caches at the command line.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;
using nlohmann::json;

class CachesCli : public ::testing::Test {
  protected:
    // A film of the smallest model.
    std::vector<std::string> words(const std::string& command, std::vector<std::string> more) const {
        std::vector<std::string> all{command,
                                     "--model",
                                     test_data() + "golden/wan21-tiny/model",
                                     "--tokenizer",
                                     test_data() + "golden/tokenizer/spiece.model",
                                     "--size",
                                     "32x32",
                                     "--frames",
                                     "5",
                                     "--steps",
                                     "12",
                                     "--solver",
                                     "euler"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    void refused(const std::vector<std::string>& more, const std::vector<std::string>& says) const {
        auto all = words("generate", {"--prompt", "A ball.", "--output", folder_ / "refused.y4m"});
        all.insert(all.end(), more.begin(), more.end());
        const Outcome outcome = run_program(all);
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        for (const std::string& part : says)
            EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome.err;
        EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
    }

    const TemporaryFolder folder_;
};

TEST_F(CachesCli, WrongValuesAreOneLine) {
    refused({"--cache", "fast"}, {"--cache fast: expected none, easy, tea, tea-ret or mag"});
    refused({"--cache", "easy:0"}, {"--cache easy:0: the threshold is '0', expected a number of more than 0"});
    refused({"--cache", "mag:nan"}, {"--cache mag:nan"});
    refused({"--cache", "tea"}, {"--cache tea: no table is known", "t3video calibrate makes one; easy needs none"});
    refused({"--cache", "tea", "--cache-table", folder_ / "gone.json"}, {"--cache-table", "no such file"});
    refused({"--cache", "easy", "--cache-table", "x.json"}, {"--cache-table x.json: is for a --cache of tea"});
    refused({"--guidance-interval", "0.9:0.2"}, {"--guidance-interval 0.9:0.2: expected LOW:HIGH"});
    refused({"--cache", "mag", "--cache-table", write_file(folder_ / "bad.json", "{\"model\":")},
            {"bad.json: not a JSON object"});
}

// From a calibration to a film that says which passes it computed, and a plan that counts them.
TEST_F(CachesCli, ATableIsMeasuredAndTaken) {
    const std::string table = folder_ / "t3-cache.json";
    const auto calibrate = words("calibrate", {"--prompt", "A ball.", "--output", table, "--cfg", "3"});
    Outcome outcome = run_program(calibrate);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("Wrote "), std::string::npos) << outcome.err;
    const json written = json::parse(read_file(table));
    EXPECT_EQ(written["model"]["dim"], 96);
    EXPECT_EQ(written["magcache"]["positive"].size(), 12U);
    EXPECT_EQ(run_program(calibrate).exit_code, 2) << "what is there stays";

    const std::vector<std::string> cache{"--cfg", "3", "--cache", "mag:0.3,3,0.1", "--cache-table", table};
    auto film = cache;
    film.insert(film.end(), {"--prompt", "A ball.", "--output", folder_ / "film.y4m"});
    outcome = run_program(words("generate", film));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("--cache mag:0.3,3,0.1: MagCache by the table of model"), std::string::npos)
        << outcome.err;

    auto asked = cache;
    asked.push_back("--json");
    const auto flop = [&](const std::vector<std::string>& more) {
        const Outcome planned = run_program(words("plan", more));
        EXPECT_EQ(planned.exit_code, 0) << planned.err;
        return json::parse(planned.out)["stages"][1];
    };
    const json cached = flop(asked), plain = flop({"--cfg", "3", "--json"}),
               easy = flop({"--cfg", "3", "--json", "--cache", "easy"});
    EXPECT_LT(cached["attention_flop"].get<double>(), 0.8 * plain["attention_flop"].get<double>());
    EXPECT_FALSE(cached["at_most"].get<bool>());
    EXPECT_EQ(easy["attention_flop"], plain["attention_flop"]);
    EXPECT_TRUE(easy["at_most"].get<bool>());
}

TEST_F(CachesCli, CalibrationWantsPrompts) {
    Outcome outcome = run_program(words("calibrate", {"--output", folder_ / "table.json"}));
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("--prompt or --prompts is required"), std::string::npos) << outcome.err;
    outcome = run_program(words(
        "calibrate", {"--output", folder_ / "table.json", "--prompts", write_file(folder_ / "empty.txt", " \n\n")}));
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("has no prompts"), std::string::npos) << outcome.err;
}

TEST_F(CachesCli, ModulesNameWrongCaches) {
    const std::string input = test_data() + "golden/wan21-tiny/cases/denoise_caches.safetensors";
    const auto run = [&](const std::string& cache) {
        return run_program({"module", "denoise", "--model", test_data() + "golden/wan21-tiny/model", "--in", input,
                            "--out", folder_ / "out.safetensors", "--cache", cache});
    };
    const Outcome outcome = run("fastcache");
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("\"settings_fastcache\" is missing from the metadata"), std::string::npos)
        << outcome.err;
}

}  // namespace
}  // namespace t3video
