#include "evaluation/page/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "core/paths.h"
#include "report/html.h"

namespace t3video::evaluation {
namespace {

using report::escaped;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::vector<Quantity> quantities_of(const Evaluation& evaluation) {
    std::vector<Quantity> quantities;
    for (const Metric* metric : evaluation.metrics) {
        quantities.push_back({std::string(metric->name), std::string(metric->title), std::string(metric->unit),
                              metric->better, metric->compares, false});
    }
    for (const Scorer& scorer : evaluation.scorers)
        quantities.push_back({scorer.name, scorer.name, {}, Better::neither, false, true});
    return quantities;
}

std::string quantity_head(const Quantity& quantity) {
    const char* arrow = quantity.better == Better::higher  ? " <span title=\"higher is better\">↑</span>"
                        : quantity.better == Better::lower ? " <span title=\"lower is better\">↓</span>"
                                                           : "";
    const std::string unit =
        quantity.unit.empty() ? std::string() : fmt::format(" <span class=\"quiet\">{}</span>", escaped(quantity.unit));
    return fmt::format("<a href=\"#metric-{}\">{}</a>{}{}", escaped(quantity.name), escaped(quantity.title), arrow,
                       unit);
}

const Value* find_value(const FilmResult& film, const std::string& metric) {
    const auto found = std::ranges::find_if(film.values, [&](const Value& v) { return v.metric->name == metric; });
    return found == film.values.end() ? nullptr : &*found;
}

const Score* find_score(const FilmResult& film, const std::string& scorer) {
    const auto found = std::ranges::find(film.scores, scorer, &Score::scorer);
    return found == film.scores.end() ? nullptr : &*found;
}

double number_of(const FilmResult& film, const Quantity& quantity) {
    if (quantity.is_scorer) {
        const Score* score = find_score(film, quantity.name);
        return score == nullptr ? kNone : score->value;
    }
    const Value* value = find_value(film, quantity.name);
    return value == nullptr ? kNone : value->value;
}

std::string note_of(const FilmResult& film, const Quantity& quantity) {
    if (quantity.is_scorer) {
        const Score* score = find_score(film, quantity.name);
        return score == nullptr ? std::string() : score->note;
    }
    const Value* value = find_value(film, quantity.name);
    return value == nullptr ? std::string() : value->note;
}

const SetResult* reference_set(const Evaluation& evaluation) {
    const auto found = std::ranges::find(evaluation.sets, evaluation.reference, &SetResult::name);
    return evaluation.reference.empty() || found == evaluation.sets.end() ? nullptr : &*found;
}

const FilmResult* find_film(const SetResult& set, const std::string& name) {
    const auto found = std::ranges::find(set.films, name, &FilmResult::name);
    return found == set.films.end() ? nullptr : &*found;
}

Mean mean_over_films(const SetResult& set, const Quantity& quantity) {
    std::vector<double> values;
    for (const FilmResult& film : set.films) values.push_back(number_of(film, quantity));
    return mean_of(values);
}

Mean difference_of_sets(const SetResult& set, const SetResult& reference, const Quantity& quantity) {
    std::vector<double> values, others;
    for (const FilmResult& film : set.films) {
        const FilmResult* other = find_film(reference, film.name);
        values.push_back(number_of(film, quantity));
        others.push_back(other == nullptr ? kNone : number_of(*other, quantity));
    }
    return mean_difference(values, others);
}

bool is_told_apart(const Mean& difference) {
    return difference.has_interval() && (difference.low > 0 || difference.high < 0);
}

std::vector<Row> rows_of(const Evaluation& evaluation) {
    std::vector<Row> rows;
    std::unordered_map<std::string, size_t> places;
    const bool has_set = reference_set(evaluation) != nullptr;
    for (size_t i = 0; i < evaluation.sets.size(); ++i) {
        for (const FilmResult& film : evaluation.sets[i].films) {
            const auto [place, is_new] = places.try_emplace(film.name, rows.size());
            if (is_new) rows.push_back({film.name, {}, std::vector<const FilmResult*>(evaluation.sets.size()), {}});
            Row& row = rows[place->second];
            if (row.films[i] == nullptr) row.films[i] = &film;
            if (row.prompt.empty()) row.prompt = film.prompt;
            if (row.reference.empty() && !has_set) row.reference = film.reference;
        }
    }
    return rows;
}

std::string path_in_report(const std::filesystem::path& path, const std::filesystem::path& folder) {
    if (path.empty()) return {};
    const std::filesystem::path whole = absolute_path(path).lexically_normal();
    const std::filesystem::path below = whole.lexically_relative(absolute_path(folder).lexically_normal());
    return below.empty() || *below.begin() == ".." || below == "." ? whole.string() : below.generic_string();
}

}  // namespace t3video::evaluation
