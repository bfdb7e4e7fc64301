// An evaluation for programs.
#include <nlohmann/json.hpp>

#include "evaluation/page/summary.h"
#include "evaluation/report.h"

namespace t3video::evaluation {
namespace {

using Json = nlohmann::ordered_json;  // numbers that are not finite are written as null

Json json_of(const Metric& metric) {
    return {{"name", metric.name},
            {"title", metric.title},
            {"version", metric.version},
            {"compares", metric.compares},
            {"better", name_of(metric.better)},
            {"unit", metric.unit},
            {"range", metric.range},
            {"definition", metric.definition},
            {"formula", metric.formula},
            {"source", metric.source},
            {"blindness", metric.blindness}};
}

Json json_of(const Mean& mean) {
    return {{"count", mean.count}, {"value", mean.value}, {"low", mean.low}, {"high", mean.high}};
}

Json number_with_note(double number, const std::string& note) {
    Json json = {{"value", number}};
    if (!note.empty()) json["note"] = note;
    return json;
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json() : Json(text);
}

Json json_of(const FilmResult& film, const std::filesystem::path& folder) {
    Json values = Json::object(), scores = Json::object();
    for (const Value& value : film.values) {
        Json& json = values[std::string(value.metric->name)] = number_with_note(value.value, value.note);
        if (!value.parts.empty()) json["parts"] = value.parts;
    }
    for (const Score& score : film.scores) scores[score.scorer] = number_with_note(score.value, score.note);
    return {{"name", film.name},
            {"film", path_in_report(film.film, folder)},
            {"reference", text_or_null(path_in_report(film.reference, folder))},
            {"prompt", film.prompt},
            {"width", film.shape.width},
            {"height", film.shape.height},
            {"frames", film.shape.frames},
            {"fps", film.shape.fps},
            {"values", std::move(values)},
            {"scores", std::move(scores)},
            {"error", text_or_null(film.error)},
            {"not_compared", text_or_null(film.not_compared)}};
}

Json json_of(const SetResult& set, const SetResult* reference, const std::vector<Quantity>& quantities,
             const std::filesystem::path& folder) {
    Json mean = Json::object(), difference = Json::object(), films = Json::array();
    for (const Quantity& quantity : quantities) {
        mean[quantity.name] = json_of(mean_over_films(set, quantity));
        if (reference != nullptr && reference != &set && !quantity.compares)
            difference[quantity.name] = json_of(difference_of_sets(set, *reference, quantity));
    }
    for (const FilmResult& film : set.films) films.push_back(json_of(film, folder));
    Json json = {{"name", set.name}, {"path", path_in_report(set.path, folder)}, {"mean", std::move(mean)}};
    if (!difference.empty()) json["difference"] = std::move(difference);
    json["films"] = std::move(films);
    json["missing"] = Json::array();
    for (const MissingFilm& film : set.missing)
        json["missing"].push_back({{"name", film.name}, {"prompt", film.prompt}});
    return json;
}

}  // namespace

std::string json_of(const Evaluation& evaluation, const std::filesystem::path& folder) {
    const SetResult* reference = reference_set(evaluation);
    const std::vector<Quantity> quantities = quantities_of(evaluation);
    Json metrics = Json::array(), scorers = Json::array(), sets = Json::array();
    for (const Metric* metric : evaluation.metrics) metrics.push_back(json_of(*metric));
    for (const Scorer& scorer : evaluation.scorers)
        scorers.push_back({{"name", scorer.name}, {"command", scorer.command}});
    for (const SetResult& set : evaluation.sets) sets.push_back(json_of(set, reference, quantities, folder));
    const Json json = {{"t3video", evaluation.version},
                       {"title", evaluation.title},
                       {"reference", text_or_null(evaluation.reference)},
                       {"films_left", evaluation.left},
                       {"metrics", std::move(metrics)},
                       {"scorers", std::move(scorers)},
                       {"sets", std::move(sets)}};
    // Names of files are any bytes; those that are no UTF-8 become U+FFFD.
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace t3video::evaluation
