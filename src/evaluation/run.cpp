#include "evaluation/run.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "evaluation/scorer.h"

namespace t3video::evaluation {
namespace {

// The reference of a film; null where there is none.
const FilmFile* reference_of(const FilmFile& film, const FilmSet& set, const FilmSet* reference) {
    if (!reference || reference == &set) return nullptr;
    return reference->single ? &reference->films.front() : reference->find(film.name);
}

void add_scores(FilmResult& result, const RunOptions& options, const std::stop_token& stop) {
    for (const Scorer& scorer : options.scorers)
        result.scores.push_back(score_film(scorer, result.film, result.prompt, options.measure.program_seconds, stop));
}

}  // namespace

Evaluation evaluate(const RunOptions& options, RunObserver& observer, const std::stop_token& stop) {
    Evaluation evaluation;
    evaluation.scorers = options.scorers;
    const FilmSet* const reference = options.reference ? &options.sets[*options.reference] : nullptr;
    if (reference) evaluation.reference = reference->name;
    size_t films = 0, done = 0;
    for (const FilmSet& set : options.sets) films += set.films.size();
    observer.begins(films);
    MeasureOptions measure = options.measure;
    for (const FilmSet& set : options.sets) {
        SetResult& results =
            evaluation.sets.emplace_back(SetResult{set.name, set.path, {}, missing_films(set, options.prompts)});
        for (const FilmFile& film : set.films) {
            measure.progress = [&](int64_t frames) { observer.advanced(done, film.path.string(), frames); };
            const FilmFile* const other = reference_of(film, set, reference);
            FilmResult result = measure_film(film, other, measure, stop);
            if (const auto prompt = options.prompts.find(film.name); prompt != options.prompts.end())
                result.prompt = prompt->second;
            if (result.error.empty() && reference && reference != &set && !other)
                result.not_compared = concat(reference->name, " has no film of this name");
            if (result.error.empty() && !film.latents) add_scores(result, options, stop);
            ++done;
            observer.measured(result);
            results.films.push_back(std::move(result));
        }
    }
    observer.ends();
    // What no film has a value of was not measured: no windows were named, or there is no reference.
    for (const Metric* const metric : options.measure.metrics) {
        const bool measured = std::ranges::any_of(evaluation.sets, [&](const SetResult& set) {
            return std::ranges::any_of(set.films, [&](const FilmResult& film) {
                return std::ranges::count(film.values, metric, &Value::metric) > 0;
            });
        });
        if (measured) evaluation.metrics.push_back(metric);
    }
    return evaluation;
}

std::vector<MissingFilm> missing_films(const FilmSet& set, const std::map<std::string, std::string>& prompts) {
    std::vector<MissingFilm> missing;
    for (const auto& [name, prompt] : prompts) {
        if (!set.single && !set.find(name)) missing.push_back({name, prompt});
    }
    return missing;
}

std::vector<std::string> failures_of(const Evaluation& evaluation) {
    std::vector<std::string> lines;
    for (const SetResult& set : evaluation.sets) {
        for (const FilmResult& film : set.films) {
            if (!film.error.empty()) lines.push_back(film.error);
            if (!film.not_compared.empty())
                lines.push_back(concat(film.film.string(), ": not compared: ", film.not_compared));
            for (const Score& score : film.scores) {
                if (!std::isfinite(score.value))
                    lines.push_back(concat(film.film.string(), ": ", score.scorer, ": ", score.note));
            }
        }
    }
    return lines;
}

}  // namespace t3video::evaluation
