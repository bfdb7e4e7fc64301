// Prompt cleaning as Wan's reference does it, so that the same prompt gives the same tokens.
#pragma once

#include <string>
#include <string_view>

namespace t3video::text {

// ftfy.fix_text with its default settings, HTML references replaced twice more, and every run of white space made one
// space, none at the ends. Bytes that are not UTF-8 become U+FFFD.
std::string clean_prompt(std::string_view utf8);

}  // namespace t3video::text
