// The page from top to bottom: what was compared, findings, means, pictures of them, films, what the numbers mean.
#include <fmt/format.h>

#include <cmath>

#include "core/content_hash.h"
#include "evaluation/page/films.h"
#include "evaluation/page/findings.h"
#include "evaluation/page/generator.h"
#include "evaluation/page/intervals.h"
#include "evaluation/page/layer_script.h"
#include "evaluation/page/player_style.h"
#include "evaluation/page/row_script.h"
#include "evaluation/page/summary.h"
#include "evaluation/report.h"
#include "report/html.h"
#include "report/page.h"

namespace t3video::evaluation {
namespace {

using report::escaped, report::grouped;

std::string header_of(const Evaluation& evaluation, const std::string& title) {
    std::string page = fmt::format("<header><h1>{}</h1>\n", title);
    std::vector<std::string> sets;
    for (const SetResult& set : evaluation.sets) {
        const auto count = static_cast<int64_t>(set.films.size());
        sets.push_back(fmt::format("<b>{}</b> ({} {}, {})", escaped(set.name), grouped(count),
                                   count == 1 ? "film" : "films", escaped(set.path.string())));
    }
    const auto line = [&](const std::string& text) { page += fmt::format("<p class=\"quiet\">{}</p>\n", text); };
    line(fmt::format("{}: {}", sets.size() == 1 ? "Set" : "Sets", fmt::join(sets, ", ")));
    if (!evaluation.reference.empty()) line(fmt::format("Compared with: <b>{}</b>", escaped(evaluation.reference)));
    for (const Scorer& scorer : evaluation.scorers)
        line(fmt::format("Scorer {}: <code>{}</code>", escaped(scorer.name), escaped(scorer.command)));
    if (!evaluation.version.empty()) line(fmt::format("Measured by t3video {}", escaped(evaluation.version)));
    return page + "</header>\n";
}

std::string mean_cell(const SetResult& set, const SetResult* reference, const Quantity& quantity) {
    const Mean mean = mean_over_films(set, quantity);
    std::string cell = mean_text(mean);
    const auto films = static_cast<int64_t>(set.films.size());
    if (mean.count > 0 && mean.count < films)
        cell += fmt::format("<small>{} of {} films</small>", grouped(mean.count), grouped(films));
    if (reference == nullptr || reference == &set || quantity.compares) return cell;
    const Mean difference = difference_of_sets(set, *reference, quantity);
    if (difference.count == 0) return cell;
    const bool apart = is_told_apart(difference);
    return cell + fmt::format("<small{}>Δ {}{}</small>", apart ? " class=\"apart\"" : "", difference_text(difference),
                              apart ? " ●" : "");
}

std::string means_of(const Evaluation& evaluation, const std::vector<Quantity>& quantities) {
    const SetResult* reference = reference_set(evaluation);
    std::vector<report::Column> columns = {{"Number"}};
    size_t most = 0;
    for (size_t i = 0; i < evaluation.sets.size(); ++i) {
        const SetResult& set = evaluation.sets[i];
        most = std::max(most, set.films.size());
        columns.push_back({fmt::format("<i class=\"swatch {}\"></i>{}", colour_class(hue_of_set(i, &set == reference)),
                                       escaped(set.name)),
                           true});
    }
    std::vector<std::vector<std::string>> rows;
    for (const Quantity& quantity : quantities) {
        std::vector<std::string> row = {quantity_head(quantity)};
        for (const SetResult& set : evaluation.sets) row.push_back(mean_cell(set, reference, quantity));
        rows.push_back(std::move(row));
    }
    if (rows.empty()) return {};
    std::string text = "↑ higher is better, ↓ lower is better; without an arrow neither is.";
    if (most > 1)
        text = "Mean over films ± half the width of its 95 % confidence interval over films (Student's t). " + text;
    if (reference != nullptr && most > 1) {
        text += fmt::format(
            " Δ is the mean difference from {}, film by film; ● marks those whose interval leaves out 0. Where nothing "
            "differs, one in twenty is marked by chance.",
            escaped(reference->name));
    }
    return fmt::format("<p class=\"quiet\">{}</p>\n<div class=\"means\">{}</div>", text,
                       report::table_of(columns, rows));
}

std::string intervals_of(const Evaluation& evaluation, const std::vector<Quantity>& quantities) {
    const SetResult* reference = reference_set(evaluation);
    std::string figures;
    for (const Quantity& quantity : quantities) {
        std::vector<IntervalRow> rows;
        for (size_t i = 0; i < evaluation.sets.size(); ++i) {
            const SetResult& set = evaluation.sets[i];
            const Mean mean = mean_over_films(set, quantity);
            if (mean.count > 0) rows.push_back({set.name, mean, hue_of_set(i, &set == reference)});
        }
        std::string note = quantity.unit;
        if (quantity.better != Better::neither)
            note += fmt::format("{}{} is better", note.empty() ? "" : ", ", name_of(quantity.better));
        if (rows.size() > 1) figures += interval_figure(quantity.title, note, rows) + "\n";
    }
    return figures.empty() ? figures : fmt::format("<div class=\"plots\">\n{}</div>\n", figures);
}

std::string meanings_of(const Evaluation& evaluation) {
    std::string page =
        "<p>None of these numbers replaces watching the films. Each sees one thing and is blind to others.</p>\n";
    std::string entries;
    for (const Metric* metric : evaluation.metrics) {
        entries += fmt::format("<dt id=\"metric-{0}\">{1} <span class=\"quiet\">{0}, version {2}</span></dt>\n",
                               escaped(metric->name), escaped(metric->title), metric->version);
        entries += fmt::format("<dd>{}</dd>\n", escaped(metric->definition));
        entries += fmt::format("<dd><code class=\"formula\">{}</code></dd>\n", escaped(metric->formula));
        const auto fact = [&](const char* name, std::string_view text) {
            if (!text.empty())
                entries += fmt::format("<dd><span class=\"quiet\">{}:</span> {}</dd>\n", name, escaped(text));
        };
        fact("Unit", metric->unit.empty() ? "none, a pure number" : metric->unit);
        fact("Range", metric->range);
        fact("Better", name_of(metric->better));
        fact("With a reference", metric->compares ? "yes" : "no");
        fact("Source", metric->source);
        fact("Blind to", metric->blindness);
    }
    for (const Scorer& scorer : evaluation.scorers) {
        entries += fmt::format(
            "<dt id=\"metric-{0}\">{0} <span class=\"quiet\">external scorer</span></dt>\n<dd>What "
            "this command printed of a film and its prompt: <code>{1}</code></dd>\n",
            escaped(scorer.name), escaped(scorer.command));
    }
    return entries.empty() ? page : page + "<dl class=\"metrics\">\n" + entries + "</dl>\n";
}

}  // namespace

std::string page_of(const Evaluation& evaluation, const std::filesystem::path& folder) {
    const std::string title = escaped(evaluation.title.empty() ? "Evaluation" : evaluation.title);
    const std::vector<Quantity> quantities = quantities_of(evaluation);
    std::string page = header_of(evaluation, title) + findings_of(evaluation);
    page += report::section("Means", means_of(evaluation, quantities));
    page += report::section("Sets side by side", intervals_of(evaluation, quantities));
    page += report::section("Films", film_rows_of(evaluation, folder));
    page += report::section("What the numbers mean", meanings_of(evaluation));
    // The only script that runs is the page's own: it is marked by a hash of all texts, which none of them can contain.
    const std::string mark = text_hash(title + page);
    page += fmt::format("<script nonce=\"{}\">{}{}{}</script>\n", mark, kLayerScript, kRowScript, kControlsScript);
    const std::string policy = fmt::format(" 'self' file:; media-src 'self' file:; script-src 'nonce-{}'", mark);
    return report::page_of(title, kGenerator, policy, kPlayerStyle, page);
}

}  // namespace t3video::evaluation
