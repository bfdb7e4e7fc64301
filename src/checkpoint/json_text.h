// JSON from files that may be broken or hostile.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace t3video::checkpoint {

// The parsed text. Throws InvalidRequest, in one line beginning with `where`, for invalid JSON, an object that has the
// same name twice, and nesting deeper than 16.
nlohmann::json parse_json(std::string_view text, const std::string& where);
// The same, with the names of objects in the text's order.
nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& where);

}  // namespace t3video::checkpoint
