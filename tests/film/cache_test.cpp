// Step caches as people write them, and their tables.
#include <gtest/gtest.h>

#include <cmath>

#include "film/bundled.h"
#include "film/fields.h"
#include "film/published.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::film {
namespace {

using namespace testing;
using nlohmann::json;
using sampling::CacheKind;

CacheChoice parsed(const std::string& text) {
    return parse_cache(Field("cache", text));
}

TEST(CacheChoice, IsWhatIsWritten) {
    EXPECT_EQ(parsed("none").kind, CacheKind::none);
    EXPECT_EQ(parsed("easy").kind, CacheKind::easy);
    EXPECT_FALSE(parsed("easy").threshold);
    EXPECT_EQ(parsed("easy:0.1").threshold, 0.1);
    EXPECT_EQ(parsed("easy:0.1,7").first, 7);
    EXPECT_EQ(parsed("tea:0.08").kind, CacheKind::tea);
    EXPECT_EQ(parsed("tea-ret:2e-2").threshold, 0.02);
    const CacheChoice mag = parsed("mag:0.12,4,0.2");
    EXPECT_EQ(mag.kind, CacheKind::mag);
    EXPECT_EQ(mag.threshold, 0.12);
    EXPECT_EQ(mag.most, 4);
    EXPECT_EQ(mag.retention, 0.2);
    for (const char* text :
         {"none", "easy", "tea", "tea-ret", "mag", "easy:0.1", "easy:0.1,7", "tea:0.08", "tea-ret:0.08", "mag:0.12",
          "mag:0.12,4", "mag:0.12,4,0.2", "easy:0.123456789123,5", "mag:1e-05,4,0.123456789"})
        EXPECT_EQ(text_of(parsed(text)), text);
}

TEST(CacheChoice, RefusesWhatItIsNot) {
    const auto refused = [](const char* text, const char* says) {
        SCOPED_TRACE(text);
        expect_invalid([&] { parsed(text); }, {"cache", text, says});
    };
    for (const char* text : {"", "fast", "Easy", "tea_ret", "easy ", ":0.1"}) refused(text, "expected none, easy, tea");
    for (const char* text :
         {"easy:0", "easy:", "easy:-0.1", "tea:nan", "mag:inf", "tea:x", "mag:0.1x", "easy:1e9", "easy:0.1 "})
        refused(text, "expected a number of more than 0");
    refused("none:1", "at most 0 values");
    refused("tea:0.1,3", "at most 1 value,");
    refused("easy:0.1,3,4", "at most 2 values");
    refused("mag:0.1,4,0.2,1", "at most 3 values");
    refused("easy:0.1,-1", "expected 0 to 1000");
    refused("easy:0.1,2.5", "expected 0 to 1000");
    refused("mag:0.1,0", "expected 1 to 1000");
    refused("mag:0.1,4,1.1", "expected 0 to 1");
    refused("mag:0.1,4,nan", "expected 0 to 1");
}

TEST(GuidanceInterval, GoesFromLowToHigh) {
    const auto interval = [](const std::string& text) {
        return parse_guidance_interval(Field("guidance-interval", text));
    };
    EXPECT_EQ(interval("0.2:0.9"), (sampling::GuidanceInterval{0.2, 0.9}));
    EXPECT_EQ(text_of(interval("0:1")), "0:1");
    EXPECT_EQ(text_of(interval("0.1234567891:0.98765432109")), "0.1234567891:0.98765432109") << "records are exact";
    EXPECT_TRUE(interval("0:1").all());
    for (const char* text :
         {"", "0.2", "0.9:0.2", "0.5:0.5", "-0.1:0.5", "0.5:1.1", "nan:1", "0:nan", "a:b", "0.1:0.2:0.3"})
        expect_invalid([&] { interval(text); }, {"guidance-interval", "the lower one first"});
}

// A table of the smallest model that says all.
json whole_table() {
    return {{"model", {{"name", "tiny"}, {"dim", 96}, {"layers", 3}, {"channels", 16}}},
            {"attention", "full attention"},
            {"teacache", {{"coefficients", {2.0, 1.0, 0.5}}, {"threshold", 0.3}}},
            {"teacache_ret", {{"coefficients", {3.0, 1.0}}, {"threshold", 0.4}}},
            {"magcache",
             {{"threshold", 0.5}, {"K", 3}, {"retention", 0.25}, {"positive", {1, 0.9, 0.8}}, {"negative", {1, 0.7}}}}};
}
const TransformerSizes kTiny{96, 3, 16}, kWan21{1536, 30, 16};

class Tables : public ::testing::Test {
  protected:
    std::filesystem::path write(const json& table, const std::string& name = "t3-cache.json") {
        return write_file(folder_ / name, table.dump());
    }
    ResolvedCache resolve(const std::string& choice, const CacheTables& tables, const TransformerSizes& sizes = kTiny) {
        return resolve_cache(parsed(choice), sizes, 832 * 480, tables);
    }

    TemporaryFolder folder_;
};

TEST_F(Tables, FillInWhatWasNotAsked) {
    const std::filesystem::path file = write(whole_table());
    const ResolvedCache tea = resolve("tea", {file}), ret = resolve("tea-ret:0.1", {file}),
                        mag = resolve("mag", {file});
    EXPECT_EQ(tea.settings.coefficients, (std::vector<double>{2, 1, 0.5}));
    EXPECT_EQ(tea.settings.threshold, 0.3);
    EXPECT_EQ(tea.attention, "full attention");
    EXPECT_NE(tea.origin.find("TeaCache by the table of tiny"), std::string::npos) << tea.origin;
    EXPECT_EQ(ret.settings.coefficients, (std::vector<double>{3, 1}));
    EXPECT_EQ(ret.settings.threshold, 0.1);
    EXPECT_EQ(text_of(choice_of(mag.settings)), "mag:0.5,3,0.25");
    EXPECT_EQ(mag.settings.ratios[0], (std::vector<double>{1, 0.9, 0.8}));
    EXPECT_EQ(mag.settings.ratios[1], (std::vector<double>{1, 0.7}));
    EXPECT_EQ(text_of(choice_of(resolve("mag:0.1,9", {file}).settings)), "mag:0.1,9,0.25");
    EXPECT_EQ(text_of(choice_of(resolve("easy", {}).settings)), "easy:0.05,10");
    json alone = whole_table();
    alone["magcache"].erase("negative");
    EXPECT_EQ(resolve("mag", {write(alone)}).settings.ratios[1], (std::vector<double>{1, 0.9, 0.8}));
}

TEST_F(Tables, AreWrittenAsTheyAreRead) {
    const std::filesystem::path file = write(whole_table());
    EXPECT_EQ(json::parse(to_json(read_cache_table(file)).dump()), whole_table());
    json other = whole_table();
    other["model"]["experts"] = 2;
    other["model"]["pixels"] = 399360.0;
    other["source"] = "measured";
    EXPECT_EQ(json::parse(to_json(read_cache_table(write(other))).dump()), other);
}

TEST_F(Tables, OfAnotherModelAreRefusedOrPassedOver) {
    json other = whole_table();
    other["model"]["dim"] = 128;
    const std::filesystem::path file = write(other);
    expect_invalid([&] { resolve("tea", {file}); },
                   {"cache-table", "is of tiny (3 layers of width 128", "this model has 3 layers of width 96",
                    "t3video calibrate makes one; easy needs none"});
    expect_invalid([&] { resolve("tea", {{}, file}); }, {"no table is known", "t3video calibrate makes one"});
    EXPECT_EQ(resolve("tea", {{}, file}, kWan21).settings.coefficients[0], 2396.76752) << "the bundled one";
    json without = whole_table();
    without.erase("teacache_ret");
    without["magcache"].erase("positive");
    without["magcache"].erase("negative");
    const std::filesystem::path some = write(without, "some.json");
    expect_invalid([&] { resolve("tea-ret", {some}); }, {"has nothing for tea-ret"});
    expect_invalid([&] { resolve("mag", {some}); }, {"has nothing for mag"});
    expect_invalid([&] { resolve("mag", {folder_ / "gone.json"}); }, {"gone.json", "no such file"});
}

TEST_F(Tables, ThatAreDamagedAreRefused) {
    const auto refused = [&](const std::string& text, const std::vector<std::string>& says) {
        const std::filesystem::path file = write_file(folder_ / "bad.json", text);
        std::vector<std::string> parts = says;
        parts.emplace_back("bad.json");
        expect_invalid([&] { read_cache_table(file); }, parts);
    };
    refused("{\"model\": ", {"not a JSON object"});
    refused("[1, 2]", {"not a JSON object"});
    refused("{}", {"not a table of a step cache"});
    refused("\x89PNG\r\n\x1a\n", {"bad.json"});
    const auto changed = [&](const char* pointer, const json& value, const std::vector<std::string>& says) {
        json table = whole_table();
        table[json::json_pointer(pointer)] = value;
        refused(table.dump(), says);
    };
    changed("/model", 3, {"\"model\" is no JSON object"});
    changed("/model/dim", "wide", {"\"dim\"", "expected a whole number"});
    changed("/teacache/coefficients", json::array({1}), {"\"teacache.coefficients\" has 1 values, expected 2 to 16"});
    changed("/teacache/coefficients", json::array(), {"has 0 values"});
    changed("/teacache/coefficients", "1 2", {"is no list of numbers"});
    changed("/teacache/coefficients/1", "x", {"holds \"x\""});
    changed("/teacache/threshold", 0, {"\"teacache.threshold\" is 0, expected more than 0"});
    changed("/teacache_ret/threshold", nullptr, {"threshold"});
    changed("/magcache/positive", json::array({1}), {"\"magcache.positive\" has 1 values"});
    changed("/magcache/positive/1", 0, {"holds 0, expected numbers of more than 0"});
    changed("/magcache/negative/0", -1, {"\"magcache.negative\" holds -1"});
    changed("/magcache/K", 0, {"\"magcache.K\" is 0, expected 1 or more"});
    changed("/magcache/retention", 1.5, {"\"magcache.retention\" is 1.5, expected 0 to 1"});
    json missing = whole_table();
    missing["model"].erase("layers");
    refused(missing.dump(), {"\"model.layers\" is missing"});
    missing = whole_table();
    missing["magcache"].erase("K");
    refused(missing.dump(), {"\"magcache.K\" is missing"});
}

// Every bundled file is a table, and the released models find theirs.
TEST(BundledTables, AreFoundBySizes) {
    const std::filesystem::path folder = bundled_folder("caches");
    ASSERT_FALSE(folder.empty());
    int64_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const CacheTable table = read_cache_table(entry.path());
        EXPECT_EQ(table.attention, "full attention") << entry.path();
        EXPECT_TRUE(table.has(CacheKind::tea)) << entry.path();
        ++files;
    }
    EXPECT_EQ(files, 5);
    const auto found = [](const std::string& choice, const TransformerSizes& sizes, double pixels) {
        return resolve_cache(parsed(choice), sizes, pixels, {});
    };
    const auto traits = [](const char* name) { return published_networks(name).traits().sizes; };
    EXPECT_NE(found("mag", traits("wan2.1-1.3b"), 1).origin.find("Wan2.1-T2V-1.3B"), std::string::npos);
    EXPECT_EQ(found("mag", traits("wan2.1-1.3b"), 1).settings.ratios[1].size(), 50U);
    EXPECT_EQ(found("tea", traits("wan2.2-5b"), 1).settings.coefficients.size(), 6U);
    EXPECT_EQ(found("tea", traits("wan2.2-5b"), 1).settings.threshold, 0.26);
    expect_invalid([&] { found("tea-ret", traits("wan2.2-5b"), 1); }, {"no table is known"});
    expect_invalid([&] { found("mag", traits("wan2.2-5b"), 1); }, {"no table is known"});
    EXPECT_EQ(usual_mag(traits("wan2.2-5b"), 1).most, 2);
    EXPECT_EQ(usual_mag({7, 7, 7}, 1).threshold, 0.12);
    const TransformerSizes i2v{5120, 40, 36};
    EXPECT_NE(found("tea", i2v, 832 * 480).origin.find("480P"), std::string::npos);
    EXPECT_NE(found("tea", i2v, 1280 * 704).origin.find("720P"), std::string::npos);
    EXPECT_NE(found("tea", {5120, 40, 16}, 1).origin.find("T2V-14B"), std::string::npos);
    expect_invalid([&] { found("tea", {5120, 40, 16, 2}, 1); }, {"2 experts"});
}

}  // namespace
}  // namespace t3video::film
