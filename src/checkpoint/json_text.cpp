// JSON with two checks that the parser leaves out: repeated names and depth.
#include "checkpoint/json_text.h"

#include <set>
#include <vector>

#include "checkpoint/checks.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

template <class json>
json parse(std::string_view text, const std::string& where) {
    constexpr int kDeepest = 16;               // the formats here need three
    std::vector<std::set<std::string>> names;  // of each object that is open
    const auto check = [&](int depth, auto event, json& parsed) {
        require_valid(depth <= kDeepest, where, ": JSON nested deeper than ", kDeepest);
        if (event == json::parse_event_t::object_start) {
            names.emplace_back();
        } else if (event == json::parse_event_t::object_end) {
            names.pop_back();
        } else if (event == json::parse_event_t::key) {
            const auto& name = parsed.template get_ref<const std::string&>();
            require_valid(names.back().insert(name).second, where, ": the name ", quote(name), " appears twice");
        }
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), check);
    } catch (const nlohmann::json::parse_error& error) {
        throw InvalidRequest(concat(where, ": invalid JSON at byte ", error.byte));
    } catch (const nlohmann::json::exception&) {
        throw InvalidRequest(concat(where, ": invalid JSON: a number is out of range"));
    }
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& where) {
    return parse<nlohmann::json>(text, where);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& where) {
    return parse<nlohmann::ordered_json>(text, where);
}

}  // namespace t3video::checkpoint
