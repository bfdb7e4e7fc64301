// JSON with two checks that the parser leaves out: repeated names and depth.
#include "checkpoint/json_text.h"

#include <set>
#include <vector>

#include "checkpoint/checks.h"
#include "core/error.h"

namespace t3video::checkpoint {

nlohmann::json parse_json(std::string_view text, const std::string& where) {
    using json = nlohmann::json;
    constexpr int kDeepest = 16;               // the formats here need three
    std::vector<std::set<std::string>> names;  // of each object that is open
    const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
        require_valid(depth <= kDeepest, where, ": JSON nested deeper than ", kDeepest);
        if (event == json::parse_event_t::object_start) {
            names.emplace_back();
        } else if (event == json::parse_event_t::object_end) {
            names.pop_back();
        } else if (event == json::parse_event_t::key) {
            const auto& name = parsed.get_ref<const std::string&>();
            require_valid(names.back().insert(name).second, where, ": the name ", quote(name), " appears twice");
        }
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), check);
    } catch (const json::parse_error& error) {
        throw InvalidRequest(concat(where, ": invalid JSON at byte ", error.byte));
    } catch (const json::exception&) {
        throw InvalidRequest(concat(where, ": invalid JSON: a number is out of range"));
    }
}

}  // namespace t3video::checkpoint
