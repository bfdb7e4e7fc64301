// An evaluation as a table.
#include <fmt/format.h>

#include <cmath>

#include "evaluation/page/summary.h"
#include "evaluation/report.h"
#include "text/unicode.h"

namespace t3video::evaluation {
namespace {

std::string cell_of(const std::string& bytes) {
    std::string text = text::encode_utf8(text::decode_utf8(bytes));  // names of files are any bytes
    // Spreadsheets run what begins so, also in quotes.
    if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
        text.insert(text.begin(), '\'');
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

// With all digits that tell it from other numbers.
std::string cell_of(double number) {
    return std::isfinite(number) ? fmt::format("{}", number) : std::string();
}

std::string positive(double number) {
    return number > 0 ? cell_of(number) : std::string();
}

std::string line_of(const std::vector<std::string>& cells) {
    return fmt::format("{}\r\n", fmt::join(cells, ","));
}

}  // namespace

std::string csv_of(const Evaluation& evaluation, const std::filesystem::path& folder) {
    const std::vector<Quantity> quantities = quantities_of(evaluation);
    std::vector<std::string> head = {"set", "name", "film", "prompt", "width", "height", "frames", "fps"};
    for (const Quantity& quantity : quantities) head.push_back(cell_of(quantity.name));
    head.emplace_back("error");
    std::string csv = line_of(head);
    for (const SetResult& set : evaluation.sets) {
        for (const FilmResult& film : set.films) {
            std::vector<std::string> cells = {cell_of(set.name), cell_of(film.name),
                                              cell_of(path_in_report(film.film, folder)), cell_of(film.prompt)};
            for (const int64_t number : {film.shape.width, film.shape.height, film.shape.frames})
                cells.push_back(positive(static_cast<double>(number)));
            cells.push_back(positive(film.shape.fps));
            for (const Quantity& quantity : quantities) cells.push_back(cell_of(number_of(film, quantity)));
            cells.push_back(cell_of(film.error));
            csv += line_of(cells);
        }
    }
    return csv;
}

}  // namespace t3video::evaluation
