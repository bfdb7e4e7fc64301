// An evaluation of two sets, of which one is the reference.
#pragma once

#include <limits>

#include "evaluation/results.h"

namespace t3video::evaluation {

inline const Metric kExampleMetrics[] = {
    {"psnr", "PSNR", 1, true, Better::higher, "dB", "0 to 100 dB", "How near.", "10 log10(255^2 / MSE)", "a paper",
     "Movement."},
    {"flicker", "Flicker", 2, false, Better::lower, "levels", "0 to 255", "How still.", "mean |d|", "t3video", "Cuts."},
};

// Films "a" to "d" in "full" and "fast", without "d" in "fast"; in "fast" flicker is higher by 1, 2 and 3.
inline Evaluation example() {
    Evaluation evaluation;
    evaluation.title = "Fast against full";
    evaluation.version = "0.9";
    evaluation.reference = "full";
    evaluation.scorers = {{"dover", "python3 dover.py"}};
    for (const Metric& metric : kExampleMetrics) evaluation.metrics.push_back(&metric);
    evaluation.sets = {{"full", "/films/full", {}}, {"fast", "/films/fast", {}}};
    const double flicker[] = {1, 2, 4, 8};
    for (int i = 0; i < 7; ++i) {
        SetResult& set = evaluation.sets[i / 4];
        FilmResult film;
        film.name = std::string(1, static_cast<char>('a' + i % 4));
        film.film = set.path / (film.name + ".mp4");
        film.prompt = "prompt " + film.name;
        film.shape = {448, 256, 17, 8};
        if (i >= 4) film.values.push_back({&kExampleMetrics[0], 30.0 + i, {}, {}});
        film.values.push_back({&kExampleMetrics[1], flicker[i % 4] + (i >= 4 ? i - 3 : 0), {}, {0.5, 1, 1.5}});
        film.scores = {{"dover", 60.0 + i, {}}};
        set.films.push_back(film);
    }
    return evaluation;
}

constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline size_t count(const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

}  // namespace t3video::evaluation
