// Notations of their own.
#include "film/field_values.h"

#include <cmath>

namespace t3video::film {

std::pair<int64_t, int64_t> parse_size(const Field& given) {
    const size_t x = given.value.find_first_of("xX");
    const auto width = number_of<int64_t>(given.value.substr(0, x)),
               height = x == std::string::npos ? std::nullopt : number_of<int64_t>(given.value.substr(x + 1));
    require_valid(width && height && *width > 0 && *height > 0, given,
                  ": expected WIDTHxHEIGHT in pixels, such as 832x480");
    return {*width, *height};
}

double parse_fps(const Field& given) {
    if (const auto rate = number_of<double>(given.value)) return *rate;
    const size_t slash = given.value.find('/');
    const auto frames = number_of<int64_t>(given.value.substr(0, slash)),
               seconds = slash == std::string::npos ? std::nullopt : number_of<int64_t>(given.value.substr(slash + 1));
    require_valid(frames && seconds && *frames > 0 && *seconds > 0, given,
                  ": expected frames per second, such as 24 or 24000/1001");
    return static_cast<double>(*frames) / static_cast<double>(*seconds);
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
