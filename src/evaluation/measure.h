// One film, measured.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/message.h"
#include "evaluation/film_sets.h"
#include "evaluation/meters/grid.h"
#include "evaluation/results.h"

namespace t3video::evaluation {

// The windows of a film of that size, of which the number of frames is what its file says, 0 where it says nothing.
using WindowsOfFilm = std::function<std::optional<FilmWindows>(const FilmShape& shape)>;

struct MeasureOptions {
    std::vector<const Metric*> metrics;  // those wanted
    WindowsOfFilm windows;               // null: the grid cannot be tested
    std::optional<std::string> vmaf;     // its program
    double program_seconds = 3600;       // for which another program may run
    int64_t memory = 0;                  // bytes; 0: what is available
    int threads = 1;
    std::function<std::string(const Message&)> words;  // how results say what is wrong; null: plainly
    std::function<void(int64_t frames)> progress;      // frames measured so far; may be null
};

// Whether a meter of this build measures it at all.
bool can_measure(const Metric& metric);

// Measures a film, frame by frame, in memory for a few frames. With a reference the metrics that compare too: both have
// one size, one length and, where both have one, one rate; otherwise the result says how they differ, and only what the
// film shows alone is measured. A film that cannot be read gives a result with an error. Throws Stopped.
FilmResult measure_film(const FilmFile& film, const FilmFile* reference, const MeasureOptions& options,
                        const std::stop_token& stop = {});

}  // namespace t3video::evaluation
