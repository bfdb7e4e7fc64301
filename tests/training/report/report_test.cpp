// Pages of runs that go well, badly or not at all, with the texts and pictures that users give.
#include "training/report/report.h"

#include <gtest/gtest.h>

#include "core/utf8.h"
#include "media/input/film_reader.h"
#include "media/png.h"
#include "support/errors.h"
#include "support/files.h"
#include "training/report/sound_run.h"

namespace t3video::training {
namespace {

using testing::expect_invalid;

// The page without tags, blanks in a row as one. By hand: std::regex recurses for every character of a long tag.
std::string text_of(const std::string& page) {
    std::string text;
    bool is_tag = false;
    for (char c : page.substr(page.find("<body>"))) {
        if (c == '<') is_tag = true;
        const bool is_blank = is_tag || c == '\n' || c == ' ';
        if (c == '>') is_tag = false;
        if (!is_blank || !text.ends_with(' ')) text += is_blank ? ' ' : c;
    }
    return text;
}

size_t count(const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

TEST(Report, SaysHowTheRunGoes) {
    const std::string page = report_of(sound_run(100), "folder"), text = text_of(page);
    for (const char* part :
         {"A run under way", "Wan2.1-T2V-1.3B", "trained: all weights (1,418,996,800 numbers)", "NVIDIA H200",
          "Nothing unusual.", "Update 100 of 500 epoch 0.833", "Time left about 8 min 00 s 2 min 29 s spent in updates",
          "Time per update 1.2 s planned 1 s", "Training loss 0.51 0.985 at first",
          "Validation loss 0.245 −18.3 % since update 0",
          "Outputs moved by 1.2 % from the base model's, after update 100", "Skipped updates 0",
          "Memory 19.0 GiB planned 20.0 GiB", "σ 0.1 0.400 0.300 −25.0 %", "mean 0.300 0.245 −18.3 %",
          "1 clips 500 2e-5", "1 448x256 17 120 2,240", "rate 2e-05"})
        EXPECT_TRUE(has(text, part)) << part << "\n" << text;
    EXPECT_TRUE(has(page, "style=\"width:20.0%\""));
    EXPECT_EQ(count(page, "<svg"), 7u);
    EXPECT_TRUE(has(page, "prefers-color-scheme: dark"));
    EXPECT_FALSE(has(page, "<script"));
    EXPECT_FALSE(has(page, "http://"));
    EXPECT_FALSE(has(page, "https://"));
    Log done = sound_run(500);
    done.end = "done";
    EXPECT_TRUE(has(text_of(report_of(done, "folder")), "A run done"));
}

TEST(Report, EventsInTheirOrder) {
    Log log = sound_run(30);
    log.notes = {{10, "resumed"}, {20, "a clip was left out"}};
    log.checkpoints = {{10, "checkpoints/000010.safetensors"}};
    EXPECT_TRUE(has(text_of(report_of(log, "folder")),
                    "10 resumed 10 saved checkpoints/000010.safetensors 20 a clip was left out"));
    for (int64_t i = 21; i < 221; ++i) log.notes.push_back({i, "note " + std::to_string(i)});
    const std::string text = text_of(report_of(log, "folder"));
    EXPECT_TRUE(has(text, "The last 100; 103 earlier ones are in log.jsonl."));
    EXPECT_FALSE(has(text, "note 120 "));
    EXPECT_TRUE(has(text, "note 121 "));
}

TEST(Report, LongRunsAreSmallPages) {
    const std::string page = report_of(sound_run(20000), "folder");
    EXPECT_LT(page.size(), 200000u);
    EXPECT_TRUE(is_utf8_text(page));
}

TEST(Report, LogsWithoutNumbers) {
    for (const int64_t updates : {0, 1, 40}) {
        Log log;
        for (int64_t i = 1; i <= updates; ++i) log.updates.push_back({.update = i});
        if (updates > 0) {
            log.validations = {{.update = 0}};
            log.moved = {{.update = 1}};
            log.samples = {{1, {{}}}};
        }
        const std::string page = report_of(log, "/somewhere/my run/");
        EXPECT_TRUE(has(page, "<h1>my run "));
        for (const char* word : {" nan", " inf", ">nan", ">inf", "-nan", "Mnan", "Lnan"})
            EXPECT_FALSE(has(page, word)) << word;
        EXPECT_EQ(has(page, "No update has been made yet."), updates == 0);
        EXPECT_EQ(has(page, "Curves"), updates > 0);
    }
}

class Films : public ::testing::Test {
  protected:
    // A picture of one colour.
    void make_sheet(const std::string& name, int64_t width, int64_t height, uint8_t red) const {
        media::Image image(width, height);
        for (size_t i = 0; i < image.rgb.size(); i += 3) image.rgb[i] = red;
        testing::write_file(folder_ / name, media::encode_png(image));
    }
    std::string page_of(const std::vector<Log::Samples>& samples) const {
        Log log;
        log.samples = samples;
        return report_of(log, folder_.path());
    }
    // The picture that a page holds.
    media::Image picture_in(const std::string& page) const {
        const std::string begin = "src=\"data:image/png;base64,";
        const size_t at = page.find(begin) + begin.size();
        const std::string digits = page.substr(at, page.find('"', at) - at);
        testing::write_file(folder_ / "digits", digits);
        const std::string file = (folder_ / "picture.png").string();
        EXPECT_EQ(std::system(("base64 -d '" + (folder_ / "digits").string() + "' > '" + file + "'").c_str()), 0);
        media::Image image;
        EXPECT_TRUE(media::open_picture(file)->read(image));
        return image;
    }

    testing::TemporaryFolder folder_;
};

TEST_F(Films, PicturesArePartOfThePageAndLeadToFilms) {
    make_sheet("samples/1.png", 30, 20, 200);
    testing::write_file(folder_ / "samples/1 a.mp4", "film");
    const std::string page = page_of({{1, {{"a cat", "samples/1 a.mp4", "samples/1.png"}}}});
    EXPECT_TRUE(has(page, "<h3 dir=\"auto\">a cat</h3>"));
    EXPECT_EQ(count(page, "href=\"samples/1%20a.mp4\""), 2u);
    const media::Image image = picture_in(page);
    EXPECT_EQ(image.width, 30);
    EXPECT_EQ(image.height, 20);
    EXPECT_EQ(image.rgb.at(0), 200);
}

TEST_F(Films, LargePicturesAreMadeSmaller) {
    make_sheet("large.png", 1300, 650, 77);
    const media::Image image = picture_in(page_of({{1, {{"p", "", "large.png"}}}}));
    EXPECT_EQ(image.width, 648);
    EXPECT_EQ(image.height, 324);
    EXPECT_EQ(image.rgb.at(3 * 648 * 100), 77);
}

TEST_F(Films, OfEachPromptTheFirstAndTheLatest) {
    make_sheet("s.png", 4, 4, 1);
    std::vector<Log::Samples> samples;
    for (int64_t i = 0; i < 9; ++i) samples.push_back({i * 10, {{"one", "", "s.png"}, {"two", "", "s.png"}}});
    samples.push_back({90, {{"three", "", "s.png"}}});
    const std::string page = page_of(samples), text = text_of(page);
    EXPECT_EQ(count(page, "<img"), 13u);
    for (const char* prompt : {"one", "two"}) {
        EXPECT_TRUE(has(text, std::string(prompt) + " update 0, without a film update 40, without a film update 50"))
            << text;
    }
    EXPECT_TRUE(has(text, "update 80, without a film three update 90"));
    EXPECT_FALSE(has(text, "update 30"));
}

TEST_F(Films, WhatIsNotThereIsALine) {
    testing::write_file(folder_ / "damaged.png", "\x89PNG\r\n\x1a\nand no more");
    std::filesystem::create_directory(folder_ / "a-folder.png");
    make_sheet("good.png", 4, 4, 1);
    const std::string page = page_of({{1,
                                       {{"p1", "none.mp4", "gone.png"},
                                        {"p2", "../film.mp4", "../outside.png"},
                                        {"p3", "/etc/hostname", "/etc/passwd"},
                                        {"p4", "javascript:alert(1)", "damaged.png"},
                                        {"p5", "", ""},
                                        {"p6", "", "a-folder.png"},
                                        {"p7", "", std::string(5000, 'x')},
                                        {"p8", "", "good.png"}}}});
    const std::string text = text_of(page);
    EXPECT_TRUE(has(text, "gone.png: is not there any more"));
    EXPECT_TRUE(has(text, "../outside.png: lies outside the run's folder"));
    EXPECT_TRUE(has(text, "/etc/passwd: lies outside"));
    EXPECT_TRUE(has(text, "damaged.png: cannot be read"));
    EXPECT_TRUE(has(text, "no picture: none was written"));
    EXPECT_TRUE(has(text, "a-folder.png: is not there any more"));
    EXPECT_EQ(count(page, "<img"), 1u);
    EXPECT_EQ(count(page, "href="), 0u);
}

TEST_F(Films, TextsOfStrangersStayTexts) {
    make_sheet("s.png", 4, 4, 1);
    const std::string evil = "\"'><script>alert(1)</script>&\xff\xc3(";
    Log log = sound_run(3);
    log.run.title = log.run.model = log.run.device = log.run.trained = evil;
    log.run.settings = {{evil, evil}};
    log.run.stages[0].data = log.run.stages[0].layout = evil;
    log.samples = {{1, {{evil, evil, "s.png"}, {evil + "2", evil, evil}}}};
    log.notes = {{1, evil}};
    log.checkpoints = {{1, evil}};
    log.end = evil;
    const std::string page = report_of(log, folder_ / "caf\xe9");
    EXPECT_FALSE(has(page, "<script"));
    EXPECT_FALSE(has(page, "\"'>"));
    EXPECT_TRUE(is_utf8_text(page));
    EXPECT_GE(count(page, "&lt;script&gt;alert(1)&lt;/script&gt;"), 13u);
    log.run.title.clear();
    EXPECT_TRUE(has(report_of(log, folder_ / "caf\xe9"), "<h1>caf\\xe9 "));
}

TEST_F(Films, TheReportIsWrittenWhole) {
    LogWriter writer(folder_ / "log.jsonl");
    writer.add({{"kind", "run"}, {"title", "first"}});
    write_report(folder_.path());
    EXPECT_TRUE(has(testing::read_file(folder_ / "report.html"), "<h1>first <span class=\"state\">not begun"));
    writer.add({{"kind", "update"}, {"update", 1}, {"loss", 0.5}});
    write_report(folder_.path());
    const std::string page = testing::read_file(folder_ / "report.html");
    EXPECT_TRUE(has(page, "under way"));
    testing::write_file(folder_ / "log.jsonl", "{\n{}\n");
    expect_invalid([&] { write_report(folder_.path()); }, {"log.jsonl: line 1"});
    EXPECT_EQ(testing::read_file(folder_ / "report.html"), page);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "report.html.partial"));
    expect_invalid([&] { write_report(folder_ / "none"); }, {"none/log.jsonl: no such file"});
}

}  // namespace
}  // namespace t3video::training
