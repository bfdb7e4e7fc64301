// JSON from files that may be broken or hostile.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace t3video {

constexpr int kDeepestJson = 16;  // what is read here needs four; copying and printing a value recurse

// The value of a text or stream; discarded for invalid JSON and for one nested deeper than that.
template <class Json = nlohmann::json, class Input>
Json parse_json_or_discard(Input&& input) {
    bool shallow = true;
    const auto check = [&](int depth, auto event, auto&) {
        const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
        if (opens && depth >= kDeepestJson) shallow = false;
        return shallow;
    };
    Json value = Json::parse(std::forward<Input>(input), check, false);
    return shallow ? value : Json(Json::value_t::discarded);
}

// The whole number under `key` of an object; nothing where there is none, or one beyond 64 bits.
template <class Json>
std::optional<int64_t> whole_number_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_integer()) return std::nullopt;
    const auto number = found->template get<int64_t>();
    if (found->is_number_unsigned() && number < 0) return std::nullopt;
    return number;
}

}  // namespace t3video
