// Numbers in texts that are nothing else.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace t3video {

// The whole of a text as a number of this type; nothing for any other text.
template <class T>
std::optional<T> number_of(std::string_view text) {
    T value{};
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
    return value;
}

// The other way: the shortest text that is read as this number again, "0.05", "123456789".
template <class T>
std::string exact_text(T value) {
    char text[32];
    const auto written = std::to_chars(text, text + sizeof text, value);
    return {text, written.ptr};
}

// Two numbers on both sides of the first of these characters: "832x480", "24000/1001".
template <class T>
std::optional<std::pair<T, T>> two_numbers(std::string_view text, std::string_view separators) {
    const size_t at = text.find_first_of(separators);
    if (at == std::string_view::npos) return std::nullopt;
    const auto first = number_of<T>(text.substr(0, at)), second = number_of<T>(text.substr(at + 1));
    if (!first || !second) return std::nullopt;
    return std::pair(*first, *second);
}

}  // namespace t3video
