// The entries of a JSON list, each with the line that it begins in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "training/data/list_text.h"

namespace t3video::training {

// Whether it begins as a JSON list or object does, and not as a table of TOML.
bool is_meant_as_json(std::string_view text);

// The texts between the commas of a list, which may still be no JSON. Throws InvalidRequest, beginning with `where` and
// naming the line, where the list does not end or something follows it.
std::vector<TextLine> split_json_list(std::string_view text, const std::string& where);

}  // namespace t3video::training
