// What stands in an evaluation, looked up and put together for tables.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "evaluation/results.h"
#include "evaluation/statistics.h"

namespace t3video::evaluation {

// A metric or an external scorer: something that every film has a number of.
struct Quantity {
    std::string name, title, unit;
    Better better = Better::neither;  // of a scorer unknown
    bool compares = false;
    bool is_scorer = false;
};
// Metrics in their order, then scorers.
std::vector<Quantity> quantities_of(const Evaluation& evaluation);

// For the head of a table's row, as HTML: title, direction, unit, and a link to what it means.
std::string quantity_head(const Quantity& quantity);

// Null where nothing of that kind was asked of the film.
const Value* find_value(const FilmResult& film, const std::string& metric);
const Score* find_score(const FilmResult& film, const std::string& scorer);
// NaN where the film has none.
double number_of(const FilmResult& film, const Quantity& quantity);
std::string note_of(const FilmResult& film, const Quantity& quantity);

// The set that others were compared with; null where there is none, or where a single film was.
const SetResult* reference_set(const Evaluation& evaluation);
const FilmResult* find_film(const SetResult& set, const std::string& name);

Mean mean_over_films(const SetResult& set, const Quantity& quantity);
// How much the set is above the other, over films that both have.
Mean difference_of_sets(const SetResult& set, const SetResult& reference, const Quantity& quantity);
// Whether the interval is known and does not contain 0.
bool is_told_apart(const Mean& difference);

// A film of each set that goes by one name, with the set's index.
struct Row {
    std::string name, prompt;
    std::vector<const FilmResult*> films;  // as many as sets; null where a set has none
    std::filesystem::path reference;       // a film that lies in no set; empty where there is none
};
// In the order in which names first appear.
std::vector<Row> rows_of(const Evaluation& evaluation);

// A path as reports give it: relative to the folder where it lies below it, otherwise from the root.
std::string path_in_report(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace t3video::evaluation
