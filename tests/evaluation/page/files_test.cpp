// JSON and CSV as other programs read them.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/utf8.h"
#include "evaluation/page/example.h"
#include "evaluation/report.h"
#include "evaluation/statistics.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::evaluation {
namespace {

using nlohmann::json;

// Rows of cells by RFC 4180.
std::vector<std::vector<std::string>> rows_in(const std::string& csv) {
    std::vector<std::vector<std::string>> rows = {{""}};
    bool quoted = false;
    for (size_t i = 0; i < csv.size(); ++i) {
        const char c = csv[i];
        if (quoted && c == '"' && i + 1 < csv.size() && csv[i + 1] == '"') {
            rows.back().back() += '"';
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == ',') {
            rows.back().emplace_back();
        } else if (!quoted && c == '\r') {
            EXPECT_EQ(csv.at(++i), '\n');
            rows.push_back({""});
        } else {
            rows.back().back() += c;
        }
    }
    EXPECT_EQ(rows.back(), std::vector<std::string>{""});
    rows.pop_back();
    return rows;
}

TEST(Json, HoldsMetricsMeansDifferencesAndFilms) {
    Evaluation evaluation = example();
    evaluation.sets[1].films[0].values[1] = {&kExampleMetrics[1], kNoValue, "nothing stands still", {}};
    const json all = json::parse(json_of(evaluation, "/films"));
    EXPECT_EQ(all["t3video"], "0.9");
    EXPECT_EQ(all["reference"], "full");
    EXPECT_EQ(all["metrics"][1]["version"], 2);
    EXPECT_EQ(all["metrics"][0]["better"], "higher");
    EXPECT_EQ(all["metrics"][0]["compares"], true);
    EXPECT_EQ(all["metrics"][0]["blindness"], "Movement.");
    EXPECT_EQ(all["scorers"][0]["command"], "python3 dover.py");
    const json& fast = all["sets"][1];
    EXPECT_EQ(fast["path"], "fast");
    EXPECT_EQ(fast["mean"]["psnr"]["count"], 3);
    EXPECT_DOUBLE_EQ(fast["mean"]["psnr"]["value"], 35);
    EXPECT_NEAR(fast["mean"]["psnr"]["low"].get<double>(), 35 - student_t975(2) / std::sqrt(3.0), 1e-12);
    EXPECT_DOUBLE_EQ(fast["difference"]["flicker"]["value"], 2.5);  // of 2 and 3
    EXPECT_EQ(fast["difference"]["flicker"]["count"], 2);
    EXPECT_DOUBLE_EQ(fast["difference"]["dover"]["value"], 4);
    EXPECT_FALSE(fast["difference"].contains("psnr"));
    EXPECT_FALSE(all["sets"][0].contains("difference"));
    EXPECT_TRUE(all["sets"][0]["mean"]["psnr"]["value"].is_null());
    const json& film = fast["films"][0];
    EXPECT_EQ(film["film"], "fast/a.mp4");
    EXPECT_TRUE(film["reference"].is_null() && film["error"].is_null());
    EXPECT_TRUE(film["values"]["flicker"]["value"].is_null());
    EXPECT_EQ(film["values"]["flicker"]["note"], "nothing stands still");
    EXPECT_EQ(fast["films"][1]["values"]["flicker"]["parts"], json({0.5, 1, 1.5}));
    EXPECT_EQ(film["scores"]["dover"]["value"], 64);
    EXPECT_EQ(film["frames"], 17);
}

TEST(Json, PathsOutsideAreWholeAndBytesBecomeText) {
    Evaluation evaluation = example();
    evaluation.sets[0].films[0].prompt = "caf\xe9 \"\n";
    evaluation.sets[0].films[0].film = "/other/../elsewhere/x.mp4";
    const std::string text = json_of(evaluation, "/films/full");
    EXPECT_TRUE(is_utf8_text(text));
    const json all = json::parse(text);
    EXPECT_EQ(all["sets"][0]["films"][0]["film"], "/elsewhere/x.mp4");
    EXPECT_EQ(all["sets"][0]["films"][1]["film"], "b.mp4");
    EXPECT_EQ(all["sets"][1]["films"][1]["film"], "/films/fast/b.mp4");
    EXPECT_EQ(all["sets"][0]["films"][0]["prompt"], "caf\xef\xbf\xbd \"\n");
}

TEST(Csv, ARowForEachFilm) {
    Evaluation evaluation = example();
    evaluation.sets[1].films[1].values[0].value = 1.0 / 3;
    evaluation.sets[1].films[2] = {.name = "c", .film = "/films/fast/c.mp4", .error = "damaged"};
    const auto rows = rows_in(csv_of(evaluation, "/films"));
    ASSERT_EQ(rows.size(), 8u);
    EXPECT_EQ(rows[0], (std::vector<std::string>{"set", "name", "film", "prompt", "width", "height", "frames", "fps",
                                                 "psnr", "flicker", "dover", "error"}));
    EXPECT_EQ(rows[1], (std::vector<std::string>{"full", "a", "full/a.mp4", "prompt a", "448", "256", "17", "8", "",
                                                 "1", "60", ""}));
    EXPECT_EQ(std::stod(rows[6][8]), 1.0 / 3);
    EXPECT_EQ(rows[7],
              (std::vector<std::string>{"fast", "c", "fast/c.mp4", "", "", "", "", "", "", "", "", "damaged"}));
}

TEST(Csv, TextsAreQuotedAndNoFormulas) {
    Evaluation evaluation = example();
    const std::string texts[] = {"a, \"b\"\r\nc", "=1+1", "-2", "@x", "+3", "\t=1", "1=2"};
    for (size_t i = 0; i < 7; ++i) evaluation.sets[i / 4].films[i % 4].prompt = texts[i];
    const auto rows = rows_in(csv_of(evaluation, "/"));
    EXPECT_EQ(rows[1][3], texts[0]);
    for (size_t i = 1; i < 6; ++i) EXPECT_EQ(rows[i + 1][3], "'" + texts[i]);
    EXPECT_EQ(rows[7][3], "1=2");
}

TEST(Csv, BytesBecomeText) {
    Evaluation evaluation = example();
    evaluation.sets[0].name = "caf\xe9";
    evaluation.sets[0].films[0].film = "/films/\xff\xfe.mp4";
    evaluation.sets[0].films[1].error = "\xc3";
    const std::string csv = csv_of(evaluation, "/films");
    EXPECT_TRUE(is_utf8_text(csv));
    EXPECT_EQ(rows_in(csv)[1][2], "\xef\xbf\xbd\xef\xbf\xbd.mp4");
}

TEST(Csv, NegativeNumbersStayNumbers) {
    Evaluation evaluation = example();
    evaluation.sets[0].films[0].values[0].value = -1.5;
    EXPECT_EQ(rows_in(csv_of(evaluation, "/"))[1][9], "-1.5");
}

TEST(Reports, ThreeFiles) {
    const testing::TemporaryFolder folder;
    write_reports(example(), folder.path());
    EXPECT_EQ(testing::read_file(folder / "evaluation.json"), json_of(example(), folder.path()));
    EXPECT_EQ(testing::read_file(folder / "evaluation.csv"), csv_of(example(), folder.path()));
    EXPECT_EQ(testing::read_file(folder / "index.html"), page_of(example(), folder.path()));
}

constexpr const char* kNames[] = {"evaluation.json", "evaluation.csv", "index.html"};

TEST(Reports, ThoseOfAnEarlierEvaluationMayBeReplaced) {
    const testing::TemporaryFolder folder;
    check_reports(folder.path());
    Evaluation evaluation = example();
    write_reports(evaluation, folder.path());
    check_reports(folder.path());
    write_reports({}, folder.path());  // without films
    check_reports(folder.path());
    for (const char* name : kNames) std::filesystem::remove(folder / name);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Reports, WhatSomebodyElseMadeIsNot) {
    const auto refuses = [](const std::string& name, const auto& make) {
        const testing::TemporaryFolder folder, elsewhere;
        make(folder / name, elsewhere / "x");
        testing::expect_invalid([&] { check_reports(folder.path()); },
                                {"output " + folder.path().string(),
                                 "holds an " + name + " that is no report of t3video; name another folder"});
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
    };
    for (const std::string name : kNames) {
        for (const char* text :
             {"", "mine", "{\"t3video\": \"1\"}", "{\"t3video\": \"1\", \"metrics\": 1, \"sets\": [], \"scorers\": []}",
              "{\"metrics\": [], \"sets\": [], \"scorers\": []}", "set,name\r\n", "set,name,film,prompt,width\n",
              "<!DOCTYPE html>\n<title>t3video</title>", "<meta name=\"generator\" content=\"t3video training\">"}) {
            refuses(name, [&](const auto& path, const auto&) { testing::write_file(path, text); });
            refuses(name, [&](const auto& path, const auto& other) {
                testing::write_file(other, text);
                std::filesystem::create_symlink(other, path);
            });
        }
        refuses(name, [](const auto& path, const auto& other) { std::filesystem::create_symlink(other, path); });
        refuses(name, [](const auto& path, const auto&) { std::filesystem::create_directory(path); });
        refuses(name, [](const auto& path, const auto&) { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); });
    }
}

TEST(Reports, WhatStandsInTheWayIsFoundBefore) {
    const testing::TemporaryFolder folder;
    std::filesystem::create_directory(folder / "evaluation.csv.partial");
    testing::expect_invalid([&] { check_reports(folder.path()); }, {"evaluation.csv.partial: is in the way"});
    EXPECT_THROW(write_reports(example(), folder.path()), InvalidRequest);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);  // none without the others
}

}  // namespace
}  // namespace t3video::evaluation
