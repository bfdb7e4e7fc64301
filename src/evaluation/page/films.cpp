#include "evaluation/page/films.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/paths.h"
#include "evaluation/page/curves.h"
#include "evaluation/page/intervals.h"
#include "evaluation/page/summary.h"
#include "media/film_format.h"
#include "media/input/film_reader.h"
#include "report/html.h"
#include "report/page.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;
using report::escaped, report::link_to, report::grouped;

constexpr double kUsualFps = 16;  // of films that have none, where no other in the row has: pictures, as Wan's films

// A film of a row, or its reference that lies in no set.
struct Entry {
    std::string set;
    int hue = 0;
    bool is_reference = false;
    fs::path path;
    const FilmResult* film = nullptr;  // null for a reference that lies in no set
};

bool is_video(const fs::path& path) {
    constexpr const char* kPlayed[] = {".mp4", ".mov", ".webm", ".m4v"};
    return std::ranges::find(kPlayed, media::extension_of(path)) != std::end(kPlayed);
}

// The names of a folder's pictures as links; empty where it has none or cannot be read.
std::vector<std::string> picture_links(const fs::path& folder) {
    std::vector<std::string> links;
    try {
        if (!is_folder(folder)) return links;
        for (const fs::path& picture : media::pictures_in(folder))
            links.push_back(link_to(picture.filename().string()));
    } catch (const InvalidRequest&) {
        links.clear();
    }
    return links;
}

std::vector<Entry> entries_of_row(const Row& row, const Evaluation& evaluation) {
    std::vector<Entry> entries;
    if (!row.reference.empty()) entries.push_back({"reference", -1, true, row.reference, nullptr});
    const SetResult* reference = reference_set(evaluation);
    for (size_t i = 0; i < row.films.size(); ++i) {
        if (row.films[i] == nullptr) continue;
        const SetResult& set = evaluation.sets[i];
        const bool is_reference = &set == reference;
        entries.push_back({set.name, hue_of_set(i, is_reference), is_reference, row.films[i]->film, row.films[i]});
    }
    std::ranges::stable_partition(entries, &Entry::is_reference);
    return entries;
}

const FilmShape* shape_of(const std::vector<Entry>& entries, const Entry& entry) {
    if (entry.film != nullptr && entry.film->shape.width > 0) return &entry.film->shape;
    // A reference that lies in no set was measured against films of its own size; a film that was not may be alike.
    for (const Entry& other : entries) {
        if (other.film != nullptr && other.film->shape.width > 0) return &other.film->shape;
    }
    return nullptr;
}

std::string caption_of(const Entry& entry, const std::string& link) {
    std::string facts;
    if (entry.film != nullptr && entry.film->shape.width > 0) {
        const FilmShape& shape = entry.film->shape;
        facts = fmt::format("{}×{}, {} frames", shape.width, shape.height, grouped(shape.frames));
        if (shape.fps > 0) facts += fmt::format(", {} fps", report::readable(shape.fps));
        facts += " · ";
    }
    const fs::path name = entry.path.has_filename() ? entry.path : entry.path.parent_path();
    return fmt::format(
        "<figcaption><i class=\"swatch {}\"></i><b>{}</b>{} <span>{}<a href=\"{}\">{}</a></span></figcaption>",
        colour_class(entry.hue), escaped(entry.set), entry.is_reference && entry.film ? " (reference)" : "", facts,
        link, escaped(name.filename().string()));
}

// What the page's script finds out about a film, and the element that shows it before the script does.
struct Medium {
    std::string data, element;
};

std::optional<Medium> medium_of(const fs::path& path, const std::string& link, const std::string& label) {
    if (is_video(path)) {
        return Medium{
            fmt::format("data-kind=\"video\" data-link=\"{}\"", link),
            fmt::format("<video src=\"{}\" preload=\"none\" controls muted playsinline aria-label=\"{}\"></video>",
                        link, label)};
    }
    const std::vector<std::string> pictures = picture_links(path);
    if (pictures.empty()) return std::nullopt;
    return Medium{
        fmt::format("data-kind=\"pictures\" data-link=\"{}/\" data-pictures=\"{}\"", link, fmt::join(pictures, " ")),
        fmt::format("<img src=\"{}/{}\" loading=\"lazy\" alt=\"{}\">", link, pictures.front(), label)};
}

std::string player_of(const Entry& entry, const std::vector<Entry>& row, double row_fps, const fs::path& folder) {
    const FilmShape* shape = shape_of(row, entry);
    const FilmShape none;
    const FilmShape& size = shape != nullptr ? *shape : none;
    const std::string link = link_from(folder, entry.path);
    const std::string head = caption_of(entry, link);
    std::string notes;
    if (entry.film != nullptr) {
        if (!entry.film->error.empty())
            notes += fmt::format("<p class=\"finding serious\">✖ {}</p>", escaped(entry.film->error));
        if (!entry.film->not_compared.empty())
            notes += fmt::format("<p class=\"quiet\">not compared: {}</p>", escaped(entry.film->not_compared));
    }
    const std::optional<Medium> medium = medium_of(entry.path, link, escaped(entry.set));
    if (!medium) {
        return fmt::format(
            "<figure>{}<p class=\"none\">Browsers do not play such files. <a href=\"{}\">Open it</a> in "
            "another program.</p>{}</figure>\n",
            head, link, notes);
    }
    const double fps = entry.film != nullptr && size.fps > 0 ? size.fps : row_fps;
    return fmt::format(
        "<figure {} data-role=\"{}\" data-name=\"{}\" data-fps=\"{}\" data-frames=\"{}\">{}<div class=\"view\" "
        "style=\"aspect-ratio:{}/{}\"><div class=\"layers\">{}</div></div>{}</figure>\n",
        medium->data, entry.is_reference ? "reference" : "film", escaped(entry.set), fps, size.frames, head,
        size.width > 0 ? size.width : 16, size.height > 0 ? size.height : 9, medium->element, notes);
}

std::string numbers_of(const std::vector<Entry>& entries, const std::vector<Quantity>& quantities) {
    std::vector<report::Column> columns = {{"Number"}};
    std::vector<const FilmResult*> films;
    for (const Entry& entry : entries) {
        if (entry.film == nullptr) continue;
        columns.push_back({escaped(entry.set), true});
        films.push_back(entry.film);
    }
    std::vector<std::vector<std::string>> rows;
    for (const Quantity& quantity : quantities) {
        std::vector<std::string> row = {quantity_head(quantity)};
        bool has_any = false;
        for (const FilmResult* film : films) {
            const std::string note = note_of(*film, quantity);
            const double number = number_of(*film, quantity);
            has_any = has_any || std::isfinite(number) || !note.empty();
            row.push_back(report::readable_in_column(number) +
                          (note.empty() ? std::string() : fmt::format("<small>{}</small>", escaped(note))));
        }
        if (has_any) rows.push_back(std::move(row));
    }
    if (rows.empty()) return {};
    return fmt::format("<details class=\"numbers\" open><summary>Numbers</summary>{}</details>\n",
                       report::table_of(columns, rows));
}

std::string curves_in(const std::vector<Entry>& entries, const Evaluation& evaluation) {
    std::vector<CurveOfFilm> films;
    for (const Entry& entry : entries) {
        if (entry.film != nullptr) films.push_back({entry.set, entry.hue, entry.film});
    }
    const std::string curves = curves_of_films(films, evaluation.metrics);
    if (curves.empty()) return {};
    return fmt::format("<details><summary>Curves over frames</summary><div class=\"plots\">{}</div></details>\n",
                       curves);
}

// The prompt with the name beside it, or the name alone.
std::string title_of(const Row& row) {
    if (row.prompt.empty()) return escaped(row.name);
    return fmt::format("{} <small>{}</small>", escaped(row.prompt), escaped(row.name));
}

}  // namespace

std::string link_from(const fs::path& folder, const fs::path& path) {
    const fs::path whole = absolute_path(path).lexically_normal();
    fs::path relative = whole.lexically_relative(absolute_path(folder / "").lexically_normal().parent_path());
    if (relative.has_relative_path() && !relative.has_filename()) relative = relative.parent_path();  // "film/"
    return link_to(relative.generic_string());
}

std::string film_rows_of(const Evaluation& evaluation, const fs::path& folder) {
    const std::vector<Row> rows = rows_of(evaluation);
    const std::vector<Quantity> quantities = quantities_of(evaluation);
    std::string page, list;
    for (size_t i = 0; i < rows.size(); ++i) {
        const std::vector<Entry> entries = entries_of_row(rows[i], evaluation);
        double fps = 0;
        for (const Entry& entry : entries) {
            if (fps == 0 && entry.film != nullptr) fps = entry.film->shape.fps;
        }
        std::string players;
        for (const Entry& entry : entries) players += player_of(entry, entries, fps > 0 ? fps : kUsualFps, folder);
        list += fmt::format("<li><a href=\"#film-{}\" dir=\"auto\">{}</a></li>", i + 1, title_of(rows[i]));
        page += fmt::format(
            "<article class=\"row\" id=\"film-{}\">\n<h3 dir=\"auto\">{}</h3>\n<div class=\"players\">\n{}</div>\n{}{}"
            "</article>\n",
            i + 1, title_of(rows[i]), players, numbers_of(entries, quantities), curves_in(entries, evaluation));
    }
    if (page.empty()) return page;
    constexpr size_t kFewRows = 3;
    if (rows.size() > kFewRows) {
        page = fmt::format("<details><summary>All {} films</summary><ol class=\"rows-list\">{}</ol></details>\n",
                           rows.size(), list) +
               page;
    }
    return page;
}

}  // namespace t3video::evaluation
