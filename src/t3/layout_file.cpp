// Reads and writes t3-layout.json.
#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/foreign_file.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/output_file.h"
#include "core/text_lines.h"
#include "t3/window_layout.h"

namespace t3video::t3 {
namespace {

using nlohmann::json;

// Numbers beyond int64_t would come out as others.
bool is_whole(const json& value) {
    return value.is_number_integer() &&
           (!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()});
}

std::array<int64_t, 3> triple(const json& value, const std::string& what) {
    require_valid(value.is_array() && value.size() == 3 && std::ranges::all_of(value, is_whole), what,
                  " is not three whole numbers");
    return {value[0].get<int64_t>(), value[1].get<int64_t>(), value[2].get<int64_t>()};
}

void read_branches(const json& root, const std::string& name, WindowLayout& layout) {
    const json given = root.value("branches", json("both"));
    require_valid(given.is_string() || (given.is_array() && given.size() == layout.patterns.size()), name,
                  R"(: "branches" is neither a text nor a list of one for each of the )", layout.patterns.size(),
                  R"( "window_counts")");
    for (size_t i = 0; i < layout.patterns.size(); ++i) {
        const json& one = given.is_string() ? given : given[i];
        const auto branches = parse_branches(one.is_string() ? one.get<std::string>() : "");
        require_valid(branches.has_value(), name, ": \"branches\" says ",
                      one.dump(-1, ' ', false, json::error_handler_t::replace),
                      ", expected \"both\", \"close\" or \"remote\"");
        layout.patterns[i].branches = *branches;
    }
}

}  // namespace

std::string layout_text(const WindowLayout& layout) {
    json counts = json::array(), shifts = json::array(), branches = json::array();
    bool shifted = false, halved = false;
    for (const Pattern& p : layout.patterns) {
        counts.push_back({p.t, p.h, p.w});
        shifts.push_back({p.shift.t, p.shift.h, p.shift.w});
        branches.push_back(name_of(p.branches));
        shifted |= p.shift != Shift{};
        halved |= p.branches != Branches::both;
    }
    json root{{"grid", {layout.grid.t, layout.grid.h, layout.grid.w}}, {"window_counts", counts}};
    if (shifted) root["shift"] = shifts;
    if (halved) root["branches"] = branches;
    if (!layout.schedule.empty()) root["schedule"] = layout.schedule;
    return root.dump() + "\n";
}

WindowLayout read_layout(const std::filesystem::path& path) {
    const std::string name = path.string();
    constexpr const char* kExpected = R"(expected {"grid": [T, H, W], "window_counts": [[n_t, n_h, n_w], ...]})";
    const std::string text = read_text_file(path, "a window layout (t3-layout.json)");
    require_valid(!trimmed(text).empty(), name, ": is empty; ", kExpected);
    const std::string other = foreign_words(text, "a window layout");
    require_valid(other.empty(), name, ": ", other);
    const json root = parse_json_or_discard(text);
    require_valid(!root.is_discarded(), name, ": no valid JSON; ", kExpected);
    require_valid(
        root.is_object() && root.contains("grid") && root.contains("window_counts") && root["window_counts"].is_array(),
        name, ": ", kExpected);
    const auto [t, h, w] = triple(root["grid"], name + ": \"grid\"");
    WindowLayout layout{{t, h, w}, {}};
    const json shifts = root.value("shift", json::array()), schedule = root.value("schedule", json::array());
    require_valid(shifts.is_array() && (shifts.empty() || shifts.size() == root["window_counts"].size()), name,
                  R"(: "shift" is not a list of three whole numbers for each of the )", root["window_counts"].size(),
                  R"( "window_counts")");
    for (const json& counts : root["window_counts"]) {
        const auto [n_t, n_h, n_w] = triple(counts, name + ": an entry of \"window_counts\"");
        layout.patterns.push_back({n_t, n_h, n_w});
        if (shifts.empty()) continue;
        const auto [by_t, by_h, by_w] = triple(shifts[layout.patterns.size() - 1], name + ": an entry of \"shift\"");
        layout.patterns.back().shift = {by_t, by_h, by_w};
    }
    require_valid(schedule.is_array(), name, R"(: "schedule" is not a list of patterns' numbers)");
    for (const json& pattern : schedule) {
        require_valid(is_whole(pattern), name, R"(: an entry of "schedule" is not a whole number)");
        layout.schedule.push_back(pattern.get<int64_t>());
    }
    read_branches(root, name, layout);
    check_layout(layout, name);
    return layout;
}

void write_layout(const std::filesystem::path& path, const WindowLayout& layout) {
    replace_file(path, layout_text(layout));
}

}  // namespace t3video::t3
