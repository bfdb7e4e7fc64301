// Comma-separated values, RFC 4180.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace t3video::training {

struct CsvRow {
    int64_t line = 1;  // that it begins in
    std::vector<std::string> fields;
};

// Rows that hold something. Fields in quotes may hold separators, line breaks and, doubled, quotes; what follows a
// closing quote, and quotes inside other fields, are text, as in Python's csv. Rows end as lines do on any system.
// Throws InvalidRequest, beginning with `where`, for a quote that is not closed, naming its line.
std::vector<CsvRow> parse_csv(std::string_view text, char separator, const std::string& where);

}  // namespace t3video::training
