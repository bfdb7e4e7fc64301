#include "evaluation/page/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "evaluation/page/summary.h"
#include "report/html.h"

namespace t3video::evaluation {
namespace {

using report::escaped, report::grouped;

constexpr size_t kMostLines = 20;  // of a list; the rest is counted

std::string films_text(size_t count) {
    return grouped(static_cast<int64_t>(count)) + (count == 1 ? " film" : " films");
}

// Things that happened, each with the films that it happened to, in the order of the first.
class Happenings {
  public:
    void add(const std::string& what, const std::string& film) {
        auto found = std::ranges::find(entries_, what, &Entry::first);
        if (found == entries_.end()) found = entries_.insert(found, {what, {}});
        found->second.push_back(film);
        ++count_;
    }
    size_t count() const { return count_; }
    // "reason (3 films: a, b, c)" in a list, folded where it is long.
    std::string list() const {
        constexpr size_t kNamed = 3;
        std::string lines;
        for (size_t i = 0; i < std::min(kMostLines, entries_.size()); ++i) {
            const auto& [what, films] = entries_[i];
            const size_t named = std::min(kNamed, films.size());
            const std::string names =
                fmt::format("{}", fmt::join(films.begin(), films.begin() + static_cast<std::ptrdiff_t>(named), ", "));
            lines += fmt::format("<li>{} ({}: {}{})</li>", escaped(what.empty() ? "no reason given" : what),
                                 films_text(films.size()), escaped(names), named < films.size() ? ", …" : "");
        }
        if (entries_.size() > kMostLines) lines += fmt::format("<li>and {} more</li>", entries_.size() - kMostLines);
        return entries_.size() <= kNamed
                   ? fmt::format("<ul>{}</ul>", lines)
                   : fmt::format("<details><summary>What and where</summary><ul>{}</ul></details>", lines);
    }

  private:
    using Entry = std::pair<std::string, std::vector<std::string>>;
    std::vector<Entry> entries_;
    size_t count_ = 0;
};

std::string finding(const char* kind, const char* sign, const std::string& html) {
    return fmt::format("<div class=\"finding {}\">{} {}</div>\n", kind, sign, html);
}

std::string name_in(const SetResult& set, const FilmResult& film) {
    return set.name + "/" + film.name;
}

std::string unread(const Evaluation& evaluation) {
    Happenings errors;
    size_t films = 0;
    for (const SetResult& set : evaluation.sets) {
        for (const FilmResult& film : set.films) {
            ++films;
            if (!film.error.empty()) errors.add(film.error, name_in(set, film));
        }
    }
    if (errors.count() == 0) return {};
    return finding("serious", "✖",
                   fmt::format("{} of {} could not be measured.{}", grouped(static_cast<int64_t>(errors.count())),
                               films_text(films), errors.list()));
}

std::string stopped(const Evaluation& evaluation) {
    if (evaluation.left == 0) return {};
    return finding(
        "serious", "✖",
        fmt::format("It was stopped: {} not measured, and what follows is of the others.",
                    films_text(static_cast<size_t>(evaluation.left)) + (evaluation.left == 1 ? " was" : " were")));
}

// What no film has is not in the tables.
std::string unmeasured(const Evaluation& evaluation) {
    std::vector<std::string> titles;
    for (const Metric* metric : evaluation.unmeasured) titles.push_back(escaped(metric->title));
    if (titles.empty()) return {};
    return finding("warning", "⚠", fmt::format("Asked for, and told of no film: {}.", fmt::join(titles, ", ")));
}

// Of a metric or scorer: asked for, without a number.
std::string untold(const Evaluation& evaluation, const Quantity& quantity) {
    Happenings reasons;
    for (const SetResult& set : evaluation.sets) {
        for (const FilmResult& film : set.films) {
            const bool was_asked = quantity.is_scorer ? find_score(film, quantity.name) != nullptr
                                                      : find_value(film, quantity.name) != nullptr;
            if (was_asked && !std::isfinite(number_of(film, quantity)))
                reasons.add(note_of(film, quantity), name_in(set, film));
        }
    }
    if (reasons.count() == 0) return {};
    const std::string what =
        quantity.is_scorer
            ? fmt::format("The scorer {} gave no number for {}.", escaped(quantity.title), films_text(reasons.count()))
            : fmt::format("{} could not be told of {}.", escaped(quantity.title), films_text(reasons.count()));
    return finding("warning", "⚠", what + reasons.list());
}

std::string unmatched(const Evaluation& evaluation) {
    if (evaluation.sets.size() < 2) return {};
    Happenings missing;
    for (const Row& row : rows_of(evaluation)) {
        for (size_t i = 0; i < row.films.size(); ++i) {
            if (row.films[i] == nullptr) missing.add("not in " + evaluation.sets[i].name, row.name);
        }
    }
    if (missing.count() == 0) return {};
    return finding("warning", "⚠",
                   "Not every set has every film. Means are over the films that a set has, differences over those that "
                   "both have." +
                       missing.list());
}

// Of a list, a set after the other, with all their names.
std::string missing(const Evaluation& evaluation) {
    std::string page;
    for (const SetResult& set : evaluation.sets) {
        if (set.missing.empty()) continue;
        std::string lines;
        for (const MissingFilm& film : set.missing)
            lines += fmt::format("<li>{} <small>{}</small></li>", escaped(film.prompt), escaped(film.name));
        page += finding("warning", "⚠",
                        fmt::format("<b>{}</b> has no film of {} {} of the list.<details><summary>Which</summary>"
                                    "<ul>{}</ul></details>",
                                    escaped(set.name), grouped(std::ssize(set.missing)),
                                    set.missing.size() == 1 ? "prompt" : "prompts", lines));
    }
    return page;
}

std::string not_compared(const Evaluation& evaluation) {
    Happenings reasons;
    for (const SetResult& set : evaluation.sets) {
        for (const FilmResult& film : set.films) {
            if (!film.not_compared.empty()) reasons.add(film.not_compared, name_in(set, film));
        }
    }
    if (reasons.count() == 0) return {};
    return finding("warning", "⚠",
                   fmt::format("{} not compared with a reference.{}", films_text(reasons.count()), reasons.list()));
}

// In which metrics a set lies above or below the reference set, so that the interval leaves out 0.
std::string apart(const Evaluation& evaluation, const SetResult& set, const SetResult& reference) {
    std::vector<std::string> better, worse, other;
    size_t compared = 0;
    for (const Quantity& quantity : quantities_of(evaluation)) {
        if (quantity.compares) continue;
        const Mean difference = difference_of_sets(set, reference, quantity);
        if (!difference.has_interval()) continue;
        ++compared;
        if (!is_told_apart(difference)) continue;
        const bool is_higher = difference.value > 0;
        if (quantity.better == Better::neither)
            other.push_back(escaped(quantity.title) + (is_higher ? " (higher)" : " (lower)"));
        else
            (is_higher == (quantity.better == Better::higher) ? better : worse).push_back(escaped(quantity.title));
    }
    if (compared == 0) return {};
    std::string text = fmt::format("<b>{}</b> against <b>{}</b>: ", escaped(set.name), escaped(reference.name));
    if (better.empty() && worse.empty() && other.empty()) {
        return fmt::format("<p>{}no difference is told by any of {} numbers without a reference.</p>\n", text,
                           compared);
    }
    std::vector<std::string> parts;
    if (!worse.empty()) parts.push_back(fmt::format("worse in {}", fmt::join(worse, ", ")));
    if (!better.empty()) parts.push_back(fmt::format("better in {}", fmt::join(better, ", ")));
    if (!other.empty()) parts.push_back(fmt::format("different in {}", fmt::join(other, ", ")));
    if (const size_t told = better.size() + worse.size() + other.size(); told < compared)
        parts.push_back(fmt::format("no difference told in {} others", compared - told));
    return fmt::format("<p>{}{}.</p>\n", text, fmt::join(parts, "; "));
}

}  // namespace

std::string findings_of(const Evaluation& evaluation) {
    std::string page = stopped(evaluation) + unread(evaluation) + unmeasured(evaluation);
    for (const Quantity& quantity : quantities_of(evaluation)) page += untold(evaluation, quantity);
    page += missing(evaluation) + unmatched(evaluation) + not_compared(evaluation);
    if (page.empty())
        page = finding("good", "✔", "Every film was read, and every number that was asked for could be told.");
    if (const SetResult* reference = reference_set(evaluation)) {
        for (const SetResult& set : evaluation.sets) {
            if (&set != reference) page += apart(evaluation, set, *reference);
        }
    }
    return page;
}

}  // namespace t3video::evaluation
