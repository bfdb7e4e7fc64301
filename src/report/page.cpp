#include "report/page.h"

#include <fmt/format.h>

#include "report/page_style.h"

namespace t3video::report {

std::string table_of(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows) {
    const auto cell = [&](const char* tag, size_t column, const std::string& text) {
        return fmt::format("<{0}{1}>{2}</{0}>", tag, columns[column].is_number ? " class=\"number\"" : "", text);
    };
    std::string head, body;
    for (size_t i = 0; i < columns.size(); ++i) head += cell("th", i, columns[i].name);
    for (const auto& row : rows) {
        body += "<tr>";
        for (size_t i = 0; i < columns.size(); ++i) body += cell("td", i, row[i]);
        body += "</tr>\n";
    }
    return fmt::format("<div class=\"wide\"><table><thead><tr>{}</tr></thead><tbody>\n{}</tbody></table></div>\n", head,
                       body);
}

std::string section(std::string_view title, const std::string& content) {
    return content.empty() ? content : fmt::format("<section><h2>{}</h2>\n{}</section>\n", title, content);
}

std::string mark_of(std::string_view generator) {
    return fmt::format("<meta name=\"generator\" content=\"{}\">", generator);
}

std::string page_of(std::string_view title, std::string_view generator, std::string_view policy, std::string_view style,
                    const std::string& body) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{}\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
        "data:{}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n"
        "<style>{}{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
        mark_of(generator), policy, title, kPageStyle, style, body);
}

}  // namespace t3video::report
