// Sets of films, measured one film after the other.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/film_sets.h"
#include "evaluation/measure.h"

namespace t3video::evaluation {

struct RunOptions {
    std::vector<FilmSet> sets;
    std::optional<size_t> reference;             // which of the sets others are compared with
    std::map<std::string, std::string> prompts;  // by names of films; else those in the films' records
    std::vector<Scorer> scorers;
    MeasureOptions measure;
    bool metrics_by_name = false;  // they were asked for one by one, and not as all that can be measured
};

// Throws InvalidRequest where metrics that were asked for by their names cannot be measured of any of the films, naming
// what they need.
void check_metrics(const RunOptions& options);

// The base does not listen.
class RunObserver {
  public:
    virtual ~RunObserver() = default;
    virtual void begins(size_t /*films*/) {}
    // Film `done` of them is at so many frames.
    virtual void advanced(size_t /*done*/, const std::string& /*film*/, int64_t /*frames*/) {}
    virtual void measured(const FilmResult& /*film*/) {}
    virtual void ends() {}
};

// A film is compared with that of its name in the reference set, or with a reference that is a single film. What cannot
// be measured of a film is in its result, and the others go on. A stop ends it before the film that is being measured.
Evaluation evaluate(const RunOptions& options, RunObserver& observer, const std::stop_token& stop = {});

// Prompts that the set has no film of; a single film is not asked for others.
std::vector<MissingFilm> missing_films(const FilmSet& set, const std::map<std::string, std::string>& prompts);

// Films that could not be measured, could not be compared, or that a scorer or another program said nothing of, and
// metrics that are missing: a line each.
std::vector<std::string> failures_of(const Evaluation& evaluation);

}  // namespace t3video::evaluation
