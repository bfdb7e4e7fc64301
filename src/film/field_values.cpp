// Notations of their own.
#include "film/field_values.h"

#include <cmath>

namespace t3video::film {

std::pair<int64_t, int64_t> parse_size(const Field& given) {
    const auto size = two_numbers<int64_t>(given.value, "xX");
    require_valid(size && size->first > 0 && size->second > 0, given,
                  ": expected WIDTHxHEIGHT in pixels, such as 832x480");
    return *size;
}

double parse_fps(const Field& given) {
    if (const auto rate = number_of<double>(given.value)) return *rate;
    const auto fraction = two_numbers<int64_t>(given.value, "/");
    require_valid(fraction && fraction->first > 0 && fraction->second > 0, given,
                  ": expected frames per second, such as 24 or 24000/1001");
    return static_cast<double>(fraction->first) / static_cast<double>(fraction->second);
}

checkpoint::Lora parse_lora(const Field& given) {
    const std::string& text = given.value;
    const size_t colon = text.rfind(':');
    const auto weight = colon == std::string::npos ? std::nullopt : number_of<double>(text.substr(colon + 1));
    if (!weight) return {text, 1};
    require_valid(std::abs(*weight) <= 100, given, ": weight ", *weight, ", expected -100 to 100");
    return {text.substr(0, colon), *weight};
}

}  // namespace t3video::film
