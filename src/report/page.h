// What pages are put together from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace t3video::report {

// A column of a table; cells of numbers stand to the right.
struct Column {
    std::string name;  // HTML
    bool is_number = false;
};

// `rows`: cells of HTML.
std::string table_of(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows);

// A part of a page under a heading; nothing where it has no content.
std::string section(std::string_view title, const std::string& content);

// A whole page, in UTF-8. `generator` is what wrote it, by which it is known again (mark_of); `title` is HTML, `policy`
// what a browser may load beside the page's own styles and pictures (Content-Security-Policy), `style` is added to the
// pages' common one.
std::string page_of(std::string_view title, std::string_view generator, std::string_view policy, std::string_view style,
                    const std::string& body);

// What stands in the first kilobytes of pages that this generator wrote.
std::string mark_of(std::string_view generator);

}  // namespace t3video::report
