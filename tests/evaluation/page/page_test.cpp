// The page: what it says, what it links to, and that texts of strangers stay texts.
#include <gtest/gtest.h>

#include "core/utf8.h"
#include "evaluation/page/example.h"
#include "evaluation/page/films.h"
#include "evaluation/page/findings.h"
#include "evaluation/page/intervals.h"
#include "evaluation/report.h"
#include "support/files.h"

namespace t3video::evaluation {
namespace {

TEST(EvaluationPage, MeansDifferencesAndMeanings) {
    const std::string page = page_of(example(), "/films/eval");
    for (const char* part :
         {"<h1>Fast against full</h1>", "<b>full</b> (4 films, /films/full)", "Compared with: <b>full</b>",
          "t3video 0.9", "<td class=\"number\">35.0 ± 2.5</td>", "Δ +2.0 ± 2.5</small>", "Δ +4.00 ± 0 ●</small>",
          "id=\"metric-psnr\"", "href=\"#metric-psnr\"", "10 log10(255^2 / MSE)", "Movement.", "flicker, version 2",
          "None of these numbers replaces watching", "prefers-color-scheme: dark"})
        EXPECT_TRUE(has(page, part)) << part;
    EXPECT_EQ(count(page, "<figure class=\"interval\">"), 2u);  // of PSNR one set alone has a mean
    EXPECT_EQ(count(page, "<article class=\"row\""), 4u);
    EXPECT_FALSE(has(page, "http://"));
    EXPECT_FALSE(has(page, "https://"));
}

TEST(EvaluationPage, OnlyItsOwnScriptRuns) {
    const std::string page = page_of(example(), "/films/eval");
    EXPECT_EQ(count(page, "<script"), 1u);
    const size_t at = page.find("<script nonce=\"") + 15;
    const std::string mark = page.substr(at, page.find('"', at) - at);
    EXPECT_EQ(mark.size(), 16u);
    EXPECT_TRUE(has(page, "script-src 'nonce-" + mark + "'"));
    EXPECT_TRUE(has(page, "media-src 'self' file:;"));
    EXPECT_TRUE(has(page, "default-src 'none'"));
    Evaluation other = example();
    other.sets[0].films[0].prompt += " and more";
    EXPECT_FALSE(has(page_of(other, "/films/eval"), mark));
}

TEST(EvaluationPage, TextsOfStrangersStayTexts) {
    const std::string evil = "\"'><script>alert(1)</script>&\xff\xc3(";
    Evaluation evaluation = example();
    evaluation.title = evaluation.version = evil;
    evaluation.reference = evaluation.sets[0].name = evil;
    evaluation.scorers = {{"dover", evil}};
    for (SetResult& set : evaluation.sets) {
        set.path = evil;
        for (FilmResult& film : set.films) {
            film.name += evil;
            film.prompt = film.error = evil;
            film.film = "/films/" + evil + ".mp4";
            film.not_compared = evil;
            film.values[0].note = film.scores[0].note = evil;
            film.scores[0].value = kNoValue;
        }
    }
    const std::string page = page_of(evaluation, "/films/eval");
    EXPECT_TRUE(is_utf8_text(page));
    EXPECT_EQ(count(page, "<script"), 1u);
    EXPECT_EQ(count(page, "alert(1)</script>"), 0u);
    EXPECT_FALSE(has(page, "\"'>"));
    EXPECT_GE(count(page, "&lt;script&gt;alert(1)&lt;/script&gt;"), 20u);
}

TEST(EvaluationPage, WithoutFilmsOrNumbers) {
    for (const char* word : {" nan", ">nan", "-nan", ">inf"}) {
        EXPECT_FALSE(has(page_of({}, "/films"), word));
        Evaluation evaluation = example();
        for (SetResult& set : evaluation.sets)
            for (FilmResult& film : set.films)
                for (Value& value : film.values) value = {value.metric, kNoValue, "", {kNoValue}};
        EXPECT_FALSE(has(page_of(evaluation, "/films"), word)) << word;
    }
    EXPECT_TRUE(has(page_of({}, "/films"), "<h1>Evaluation</h1>"));
}

TEST(Findings, CountedWithReasons) {
    Evaluation evaluation = example();
    EXPECT_TRUE(has(findings_of(evaluation), "not in fast (1 film: d)"));
    evaluation.sets[0].films.pop_back();
    EXPECT_TRUE(has(findings_of(evaluation), "Every film was read"));
    evaluation.sets[0].films[0].error = "damaged";
    evaluation.sets[0].films[0].values.clear();
    for (size_t i = 0; i < 2; ++i)
        evaluation.sets[1].films[i].values[1] = {&kExampleMetrics[1], kNoValue, "nothing stands still", {}};
    evaluation.sets[1].films[2].scores = {{"dover", kNoValue, "took longer than 5 s"}};
    evaluation.sets[1].films[2].not_compared = "One frame was left out.";
    const std::string text = findings_of(evaluation);
    for (const char* part :
         {"1 of 6 films could not be measured.<ul><li>damaged (1 film: full/a)",
          "Flicker could not be told of 2 films.<ul><li>nothing stands still (2 films: fast/a, fast/b)",
          "The scorer dover gave no number for 1 film.<ul><li>took longer than 5 s (1 film: fast/c)",
          "One frame was left out. (1 film: fast/c)"})
        EXPECT_TRUE(has(text, part)) << part << "\n" << text;
    EXPECT_FALSE(has(text, "Every film was read"));
    EXPECT_FALSE(has(text, "PSNR could not"));  // it was not asked of the reference
}

TEST(Findings, WhatIsMissingIsNotPassedOver) {
    Evaluation evaluation = example();
    evaluation.sets[0].films.pop_back();
    evaluation.unmeasured = {&kExampleMetrics[1]};
    EXPECT_TRUE(has(findings_of(evaluation), "Asked for, and told of no film: Flicker."));
    EXPECT_FALSE(has(findings_of(evaluation), "Every film was read"));
    evaluation.unmeasured.clear();
    evaluation.left = 2;
    EXPECT_TRUE(has(findings_of(evaluation), "It was stopped: 2 films were not measured"));
    EXPECT_FALSE(has(findings_of(evaluation), "Every film was read"));
}

TEST(Intervals, OfTheLargestNumbers) {
    const Mean mean = mean_of(std::vector{1.7e308, -1.7e308, 1.7e308, 1.7e308});
    const std::string text = mean_text(mean), figure = interval_figure("a", "", {{"x", mean, 0}, {"y", mean, 1}});
    for (const std::string& words : {text, figure}) {
        EXPECT_FALSE(has(words, "nan")) << words;
        EXPECT_FALSE(has(words, "inf")) << words;
        EXPECT_LT(words.size(), 2000U);
    }
}

TEST(Findings, WhereSetsDiffer) {
    Evaluation evaluation = example();
    EXPECT_TRUE(has(findings_of(evaluation),
                    "<b>fast</b> against <b>full</b>: different in dover (higher); no "
                    "difference told in 1 others."))
        << findings_of(evaluation);
    for (FilmResult& film : evaluation.sets[1].films) film.values[1].value += 10;
    EXPECT_TRUE(has(findings_of(evaluation), "worse in Flicker; different in dover (higher)."));
    for (FilmResult& film : evaluation.sets[1].films) film.values[1].value -= 30;
    EXPECT_TRUE(has(findings_of(evaluation), "better in Flicker; different in dover (higher)."));
}

TEST(Intervals, AsTexts) {
    EXPECT_EQ(mean_text({24, 31.2399, 31.2399 - 0.367, 31.2399 + 0.367}), "31.24 ± 0.37");
    EXPECT_EQ(mean_text({24, 1234.5, 1134.5, 1334.5}), "1234 ± 100");
    EXPECT_EQ(mean_text({1, 0.5, kNoValue, kNoValue}), "0.500");
    EXPECT_EQ(mean_text({0, kNoValue, kNoValue, kNoValue}), "–");
    EXPECT_EQ(mean_text({3, 100, 100, 100}), "100 ± 0");
    EXPECT_EQ(mean_text({3, 2e-5, 1e-5, 3e-5}), "2e-5 ± 1e-05");
    EXPECT_EQ(difference_text({24, -0.314, -0.434, -0.194}), "−0.31 ± 0.12");
    EXPECT_EQ(difference_text({24, 0.5, 0.4, 0.6}), "+0.50 ± 0.10");
}

TEST(Intervals, DrawnOnOneScale) {
    const std::string figure =
        interval_figure("T", "dB", {{"a", {3, 10, 0, 20}, -1}, {"b", {1, 15, kNoValue, kNoValue}, 14}});
    // 0 to 20 with a twentieth of room on both sides, over 16 to 424.
    EXPECT_TRUE(has(figure, "<path class=\"line neutral\" d=\"M34.5 31H405.5")) << figure;
    EXPECT_TRUE(has(figure, "<path class=\"mean neutral\" d=\"M220.0 31h0\"/>"));
    EXPECT_TRUE(has(figure, "<path class=\"mean hue14\" d=\"M312.7 69h0\"/>"));
    EXPECT_EQ(count(figure, "class=\"line"), 1u);
    EXPECT_EQ(interval_figure("T", "", {{"a", {0, kNoValue, kNoValue, kNoValue}, 0}}), "");
    for (size_t i = 0; i < 24; ++i) {
        for (size_t k = 0; k < i; ++k) EXPECT_NE(hue_of_set(i, false), hue_of_set(k, false));
    }
}

TEST(FilmRows, PlayersWithTheReferenceFirst) {
    Evaluation evaluation = example();
    evaluation.reference = "fast";
    const std::string page = film_rows_of(evaluation, "/films/my eval");
    const size_t reference = page.find("src=\"../fast/a.mp4\""), film = page.find("src=\"../full/a.mp4\"");
    EXPECT_LT(reference, film);
    EXPECT_NE(film, std::string::npos);
    EXPECT_TRUE(has(page, "data-role=\"reference\" data-name=\"fast\" data-fps=\"8\" data-frames=\"17\""));
    EXPECT_TRUE(has(page, "preload=\"none\""));
    EXPECT_EQ(count(page, "<video"), 7u);
    EXPECT_EQ(count(page, "<summary>Curves over frames"), 4u);
    EXPECT_TRUE(has(page, "<h3 dir=\"auto\">prompt a <small>a</small></h3>"));
}

TEST(FilmRows, AReferenceThatLiesInNoSet) {
    Evaluation evaluation = example();
    evaluation.reference = "/other/ref.mp4";
    evaluation.sets.erase(evaluation.sets.begin());
    for (FilmResult& film : evaluation.sets[0].films) film.reference = "/other/ref.mp4";
    const std::string page = film_rows_of(evaluation, "/films/eval");
    EXPECT_EQ(count(page, "data-role=\"reference\""), 3u);
    EXPECT_TRUE(has(page, "src=\"../../other/ref.mp4\""));
}

TEST(FilmRows, FoldersOfPicturesAndWhatBrowsersDoNotPlay) {
    const testing::TemporaryFolder folder;
    for (const char* name : {"f/frame 2.png", "f/frame 10.PNG", "f/.hidden.png", "f/notes.txt", "exr/1.exr"})
        testing::write_file(folder / name, "x");
    Evaluation evaluation = example();
    auto& films = evaluation.sets[0].films;
    films[0].film = folder / "f/";
    films[0].shape.fps = 0;
    films[1].film = folder / "exr";
    films[2].film = folder / "x.mkv";
    films[3].film = folder / "latents.safetensors";
    const std::string page = film_rows_of(evaluation, folder.path());
    EXPECT_TRUE(has(page, "data-kind=\"pictures\" data-link=\"f/\"")) << page;
    EXPECT_TRUE(has(page, "frame%202.png") && has(page, "frame%2010.PNG"));
    EXPECT_LT(page.find("frame%202.png"), page.find("frame%2010.PNG"));  // as they are read
    EXPECT_FALSE(has(page, "hidden"));
    EXPECT_FALSE(has(page, "notes.txt"));
    EXPECT_TRUE(has(page, "data-name=\"full\" data-fps=\"8\""));  // as the other film of the row
    EXPECT_EQ(count(page, "Browsers do not play such files."), 3u);
    EXPECT_TRUE(has(page, "<a href=\"x.mkv\">Open it</a>"));
}

TEST(FilmRows, ManyFilmsAreALightPage) {
    Evaluation evaluation = example();
    for (SetResult& set : evaluation.sets) {
        const FilmResult film = set.films[0];
        set.films.assign(100, film);
        for (size_t i = 0; i < 100; ++i) set.films[i].name = std::to_string(i);
    }
    EXPECT_LT(page_of(evaluation, "/films/eval").size(), 1000000u);
}

}  // namespace
}  // namespace t3video::evaluation
