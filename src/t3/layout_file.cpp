// Reads t3-layout.json.
#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "t3/window_layout.h"

namespace t3video::t3 {
namespace {

using nlohmann::json;

std::array<int64_t, 3> triple(const json& value, const std::string& what) {
    require_valid(value.is_array() && value.size() == 3 && value[0].is_number_integer() &&
                      value[1].is_number_integer() && value[2].is_number_integer(),
                  what, " is not three whole numbers");
    return {value[0].get<int64_t>(), value[1].get<int64_t>(), value[2].get<int64_t>()};
}

}  // namespace

WindowLayout read_layout(const std::filesystem::path& path) {
    const std::string name = path.string();
    const json root = parse_json_or_discard(read_text_file(path, "a window layout (t3-layout.json)"));
    require_valid(
        root.is_object() && root.contains("grid") && root.contains("window_counts") && root["window_counts"].is_array(),
        name, R"(: expected {"grid": [T, H, W], "window_counts": [[n_t, n_h, n_w], ...]})");
    const auto [t, h, w] = triple(root["grid"], name + ": \"grid\"");
    WindowLayout layout{{t, h, w}, {}};
    for (const json& counts : root["window_counts"]) {
        const auto [n_t, n_h, n_w] = triple(counts, name + ": an entry of \"window_counts\"");
        layout.patterns.push_back({n_t, n_h, n_w});
    }
    check_layout(layout, name);
    return layout;
}

}  // namespace t3video::t3
