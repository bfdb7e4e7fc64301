#include "evaluation/run.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "evaluation/latents.h"
#include "evaluation/meters/grid.h"
#include "evaluation/scorer.h"
#include "evaluation/vmaf.h"

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

bool is_of(std::span<const Metric> metrics, const Metric& metric) {
    return std::ranges::count(metrics, metric.name, &Metric::name) > 0;
}

bool any_film(const RunOptions& options, bool latents) {
    return std::ranges::any_of(options.sets, [&](const FilmSet& set) {
        return std::ranges::count(set.films, latents, &FilmFile::latents) > 0;
    });
}

// What the metric lacks to be measured of any of the films.
Message need_of(const Metric& metric, const RunOptions& options) {
    const bool of_latents = is_of(latent_metrics(), metric);
    if (of_latents && !any_film(options, true)) return Message("latents (.safetensors), and these are films");
    if (!of_latents && !any_film(options, false)) return Message("films, and these are latents");
    if (metric.compares && !options.reference) return Message("films to compare with, as ", Field("reference"));
    if (is_of(vmaf_metrics(), metric) && !options.measure.vmaf)
        return Message("an ffmpeg with libvmaf, or the program vmaf, on the PATH");
    if (is_of(grid_metrics(), metric) && !options.measure.windows)
        return Message("the windows that films were made in, as ", Field("layout"), " or ", Field("model"));
    return {};
}

// Whether the film's result could have had it, and does not say itself what went wrong.
bool lacks(const FilmResult& film, const Metric& metric, bool is_reference) {
    if (!film.error.empty() || (metric.compares && (is_reference || !film.not_compared.empty()))) return false;
    return std::ranges::none_of(film.values, [&](const Value& v) { return v.metric == &metric && v.failed; });
}

void add_metrics(const RunOptions& options, Evaluation& evaluation) {
    for (const Metric* const metric : options.measure.metrics) {
        bool measured = false, told = false, lacking = false;
        for (const SetResult& set : evaluation.sets) {
            const bool is_reference = !evaluation.reference.empty() && set.name == evaluation.reference;
            for (const FilmResult& film : set.films) {
                const auto value = std::ranges::find(film.values, metric, &Value::metric);
                measured |= value != film.values.end();
                told |= value != film.values.end() && std::isfinite(value->value);
                lacking |= lacks(film, *metric, is_reference);
            }
        }
        // What no film has a value of was not measured: no windows were named, or there is no reference.
        if (measured) evaluation.metrics.push_back(metric);
        const bool none = !measured || (!told && is_of(vmaf_metrics(), *metric));  // which refuses kinds of files
        if (options.metrics_by_name && none && lacking && evaluation.left == 0) evaluation.unmeasured.push_back(metric);
    }
}

// The first note on it; empty where there is none.
std::string note_on(const Evaluation& evaluation, const Metric* metric) {
    for (const SetResult& set : evaluation.sets) {
        for (const FilmResult& film : set.films) {
            const auto value = std::ranges::find(film.values, metric, &Value::metric);
            if (value != film.values.end() && !value->note.empty()) return value->note;
        }
    }
    return {};
}

// Throws Stopped, with what was finished in `evaluation`.
void measure_films(const RunOptions& options, RunObserver& observer, const std::stop_token& stop,
                   Evaluation& evaluation) {
    const FilmSet* const reference = options.reference ? &options.sets[*options.reference] : nullptr;
    size_t films = 0, done = 0;
    for (const FilmSet& set : options.sets) films += set.films.size();
    observer.begins(films);
    MeasureOptions measure = options.measure;
    for (const FilmSet& set : options.sets) {
        SetResult& results =
            evaluation.sets.emplace_back(SetResult{set.name, set.path, {}, missing_films(set, options.prompts)});
        for (const FilmFile& film : set.films) {
            measure.progress = [&](int64_t frames) { observer.advanced(done, film.path.string(), frames); };
            if (stop.stop_requested()) throw Stopped(Message("stopped before ", film.path.string()));
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
}

}  // namespace

void check_metrics(const RunOptions& options) {
    if (!options.metrics_by_name) return;
    for (const Metric* const metric : options.measure.metrics) {
        const Message need = need_of(*metric, options);
        require_valid(need.empty(), Field("metrics", metric->name), ": needs ", need);
    }
}

Evaluation evaluate(const RunOptions& options, RunObserver& observer, const std::stop_token& stop) {
    Evaluation evaluation;
    evaluation.scorers = options.scorers;
    if (options.reference) evaluation.reference = options.sets[*options.reference].name;
    try {
        measure_films(options, observer, stop, evaluation);
    } catch (const Stopped&) {
        for (const FilmSet& set : options.sets) evaluation.left += std::ssize(set.films);
        for (const SetResult& set : evaluation.sets) evaluation.left -= std::ssize(set.films);
    }
    observer.ends();
    add_metrics(options, evaluation);
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
            for (const Value& value : film.values) {
                if (value.failed)
                    lines.push_back(concat(film.film.string(), ": ", value.metric->name, ": ", value.note));
            }
        }
    }
    for (const Metric* const metric : evaluation.unmeasured) {
        const std::string note = note_on(evaluation, metric);
        lines.push_back(concat(metric->name, ": could be told of no film", note.empty() ? "" : ": ", note));
    }
    return lines;
}

}  // namespace t3video::evaluation
