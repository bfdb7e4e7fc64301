// Rows of prompts, in the order in which they first appear.
#include "training/report/films.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/paths.h"
#include "media/contact_sheet.h"
#include "media/input/film_reader.h"
#include "media/png.h"
#include "report/html.h"

namespace t3video::training {

using namespace report;
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostColumns = 6;
constexpr int64_t kWidest = 648;                         // pixels of a picture: half a contact sheet
constexpr int64_t kMostPictureBytes = int64_t{1} << 28;  // while one is read

struct Row {
    std::string prompt;
    std::vector<std::pair<int64_t, const Log::Film*>> films;  // by updates
};

std::vector<Row> rows_of(const Log& log) {
    std::vector<Row> rows;
    for (const Log::Samples& samples : log.samples) {
        for (const Log::Film& film : samples.films) {
            auto row = std::ranges::find(rows, film.prompt, &Row::prompt);
            if (row == rows.end()) row = rows.insert(row, Row{film.prompt, {}});
            row->films.emplace_back(samples.update, &film);
        }
    }
    return rows;
}

// Whether the path stays below the folder that it is relative to.
bool is_below(const fs::path& path) {
    return !path.empty() && path.is_relative() && std::ranges::find(path, fs::path("..")) == path.end();
}

// The bytes of a PNG. Throws InvalidRequest for what cannot be read.
std::string small_picture(const fs::path& file) {
    const auto reader = media::open_picture(file, kMostPictureBytes);
    media::Image image;
    require_valid(reader->read(image), file.string(), ": no picture");
    if (image.width > kWidest)
        image = media::shrink(image, kWidest, std::max<int64_t>(1, image.height * kWidest / image.width));
    return media::encode_png(image);
}

std::string picture_of(const Log::Film& film, const fs::path& folder) {
    const auto without = [&](const char* why) {
        return fmt::format("<p class=\"none\">{}: {}</p>", escaped(film.sheet.empty() ? "no picture" : film.sheet),
                           why);
    };
    if (film.sheet.empty()) return without("none was written");
    if (!is_below(film.sheet)) return without("lies outside the run's folder");
    try {
        if (!is_file(folder / film.sheet)) return without("is not there any more");
        return fmt::format("<img alt=\"{}\" src=\"data:image/png;base64,{}\">", escaped(film.prompt),
                           base64(small_picture(folder / film.sheet)));
    } catch (const InvalidRequest&) {
        return without("cannot be read");
    }
}

std::string figure_of(int64_t update, const Log::Film& film, const fs::path& folder) {
    const std::string picture = picture_of(film, folder), caption = "update " + grouped(update);
    std::error_code ignored;  // of a name that no system takes
    if (!is_below(film.film) || !fs::is_regular_file(folder / film.film, ignored))
        return fmt::format("<figure>{}<figcaption>{}, without a film</figcaption></figure>", picture, caption);
    return fmt::format("<figure><a href=\"{0}\">{1}</a><figcaption><a href=\"{0}\">{2}</a></figcaption></figure>",
                       link_to(film.film), picture, caption);
}

}  // namespace

std::string film_rows_of(const Log& log, const fs::path& folder) {
    std::string page;
    for (auto& [prompt, films] : rows_of(log)) {
        if (films.size() > kMostColumns)
            films.erase(films.begin() + 1, films.end() - static_cast<std::ptrdiff_t>(kMostColumns - 1));
        page += fmt::format("<h3 dir=\"auto\">{}</h3><div class=\"films\">", escaped(prompt));
        for (const auto& [update, film] : films) page += figure_of(update, *film, folder);
        page += "</div>";
    }
    return page;
}

}  // namespace t3video::training
