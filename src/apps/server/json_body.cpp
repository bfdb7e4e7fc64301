// Reads JSON and data URLs.
#include "apps/server/json_body.h"

#include <array>
#include <set>
#include <vector>

#include "apps/server/http/exchange.h"
#include "core/json.h"

namespace t3video::server {
namespace {

using nlohmann::ordered_json;

// Members' names of the objects that are open.
class Nesting {
  public:
    // False where it is too deep or a name stands twice.
    bool takes(ordered_json::parse_event_t event, const ordered_json& parsed) {
        using Event = ordered_json::parse_event_t;
        if (event == Event::object_start || event == Event::array_start) open_.emplace_back();
        if (event == Event::object_end || event == Event::array_end) open_.pop_back();
        if (open_.size() > kDeepestJson) deep_ = true;
        if (event == Event::key && !open_.back().insert(parsed.get<std::string>()).second && twice_.empty())
            twice_ = parsed.get<std::string>();
        return !deep_;
    }
    bool deep() const { return deep_; }
    const std::string& twice() const { return twice_; }

  private:
    std::vector<std::set<std::string>> open_;
    bool deep_ = false;
    std::string twice_;
};

}  // namespace

ordered_json parse_json_body(std::string_view text, const std::string& param) {
    const auto wrong = [&](const std::string& what) {
        return HttpError{400, "malformed_json", (param.empty() ? "the request's body" : param) + what, param};
    };
    Nesting nesting;
    const auto check = [&](int, ordered_json::parse_event_t event, const ordered_json& parsed) {
        return nesting.takes(event, parsed);
    };
    ordered_json value = ordered_json::parse(text.begin(), text.end(), check, false);
    if (nesting.deep()) throw wrong(": nested too deeply");
    if (!nesting.twice().empty())
        throw HttpError{400, "invalid_value", nesting.twice() + ": given twice", nesting.twice()};
    if (value.is_discarded()) throw wrong(" is no JSON");
    return value;
}

std::string bytes_of_data_url(std::string_view url, const std::string& param) {
    const HttpError wrong{400, "invalid_value",
                          param + ": expected data:TYPE;base64,DATA; other addresses are not fetched", param};
    constexpr std::string_view kScheme = "data:", kCoding = ";base64,";
    const size_t at = url.find(kCoding);
    if (!equal_in_any_case(url.substr(0, kScheme.size()), kScheme) || at == std::string_view::npos || at > 256)
        throw wrong;
    std::string_view text = url.substr(at + kCoding.size());
    while (text.ends_with('=')) text.remove_suffix(1);

    static constexpr auto kValues = [] {
        constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        std::array<signed char, 256> values{};
        values.fill(-1);
        for (size_t i = 0; i < kDigits.size(); ++i)
            values[static_cast<unsigned char>(kDigits[i])] = static_cast<signed char>(i);
        return values;
    }();
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3 + 2);
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int value = kValues[static_cast<unsigned char>(c)];
        if (value < 0) throw wrong;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes += static_cast<char>(bits >> count & 0xFF);
    }
    if (count == 6 || bytes.empty()) throw wrong;
    return bytes;
}

}  // namespace t3video::server
