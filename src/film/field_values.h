// Values of fields as people write them. Each throws InvalidRequest that names the field and what was expected.
#pragma once

#include <cmath>
#include <concepts>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "checkpoint/lora/lora.h"
#include "core/error.h"
#include "core/numbers.h"

namespace t3video::film {

inline void parse(const Field& given, std::string& value) {
    value = given.value;
}
inline void parse(const Field& given, std::filesystem::path& value) {
    value = given.value;
}
inline void parse(const Field& given, bool& value) {
    require_valid(given.value == "true" || given.value == "false", given, ": expected true or false");
    value = given.value == "true";
}
template <class T>
requires std::floating_point<T> ||(std::integral<T> && !std::same_as<T, bool>)void parse(const Field& given, T& value) {
    const auto number = number_of<T>(given.value);
    if (std::unsigned_integral<T>)
        require_valid(number.has_value(), given, ": expected 0 to ", std::numeric_limits<T>::max());
    require_valid(number.has_value() && std::isfinite(static_cast<double>(*number)), given, ": expected a ",
                  std::integral<T> ? "whole " : "", "number");
    value = *number;
}
template <class T>
void parse(const Field& given, std::optional<T>& value) {
    parse(given, value.emplace());
}

// The other way: null for an empty path, and where nothing was chosen.
inline nlohmann::json value_of(const std::filesystem::path& path) {
    return path.empty() ? nlohmann::json() : nlohmann::json(path.string());
}
template <class T>
nlohmann::json value_of(const T& value) {
    return value;
}
template <class T>
nlohmann::json value_of(const std::optional<T>& value) {
    return value ? value_of(*value) : nlohmann::json();
}

// "832x480" -> {832, 480}
std::pair<int64_t, int64_t> parse_size(const Field& given);
// What a seed is drawn for rather than given.
constexpr std::string_view kDrawnSeed = "-1";
// "7"; a random number of 32 bits for kDrawnSeed.
uint64_t parse_seed(const Field& given);
// "24", "23.976" or "24000/1001"; media::FrameRate finds the fraction again, which is checked here. The range is the
// film's to check.
double parse_fps(const Field& given);
// The other way: "24", "12.5", "24000/1001".
std::string fps_text(double fps);
// "style.safetensors:0.8" -> that file with weight 0.8; without a number behind the last colon, all of it with
// weight 1.
checkpoint::Lora parse_lora(const Field& given);

}  // namespace t3video::film
