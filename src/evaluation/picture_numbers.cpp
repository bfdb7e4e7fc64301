// Names are taken apart into a number and what stands around it.
#include "evaluation/picture_numbers.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/numbers.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// What all names begin with, without the digits that a number could begin with.
size_t common_front(const std::vector<std::string>& names) {
    size_t common = names.front().size();
    for (const std::string& name : names) {
        const auto [here, there] = std::ranges::mismatch(names.front(), name);
        common = std::min(common, static_cast<size_t>(here - names.front().begin()));
    }
    while (common > 0 && is_digit(names.front()[common - 1])) --common;
    return common;
}

// Pictures by their numbers, of all names that are the same otherwise.
using Series = std::map<int64_t, fs::path>;

// Where names differ in one number that is it ("frame_003_v2"), otherwise the last one of each ("shot1_003").
class Numbering {
  public:
    explicit Numbering(const std::vector<std::string>& stems) : front_(common_front(stems)) {
        std::vector<std::string> reversed = stems;
        for (std::string& stem : reversed) std::ranges::reverse(stem);
        back_ = common_front(reversed);
        one_ = std::ranges::all_of(stems, [&](const std::string& stem) {
            return stem.size() > front_ + back_ &&
                   std::all_of(stem.begin() + static_cast<std::ptrdiff_t>(front_),
                               stem.end() - static_cast<std::ptrdiff_t>(back_), is_digit);
        });
    }
    // What stands around the number, and the number; none where there is none of up to 18 digits.
    std::optional<std::pair<std::string, int64_t>> of(const std::string& stem) const {
        size_t begin = front_, end = stem.size() - back_;
        if (!one_) {
            for (end = stem.size(); end > 0 && !is_digit(stem[end - 1]);) --end;
            for (begin = end; begin > 0 && is_digit(stem[begin - 1]);) --begin;
        }
        const auto number = number_of<int64_t>(std::string_view(stem).substr(begin, end - begin));
        if (!number) return std::nullopt;
        return std::pair(stem.substr(0, begin) + '#' + stem.substr(end), *number);
    }

  private:
    size_t front_ = 0, back_ = 0;
    bool one_ = false;
};

void check_steps(const fs::path& folder, const Series& series) {
    if (series.size() < 3) return;  // two numbers have one step
    int64_t step = series.rbegin()->first;
    for (auto next = std::next(series.begin()); next != series.end(); ++next)
        step = std::min(step, next->first - std::prev(next)->first);
    const int64_t first = series.begin()->first, last = series.rbegin()->first;
    const bool times =
        std::ranges::any_of(series, [&](const auto& entry) { return (entry.first - first) % step != 0; });
    const int64_t absent = (last - first) / step + 1 - std::ssize(series);
    if (times || absent == 0) return;
    int64_t gap = first;
    while (series.contains(gap)) gap += step;
    if (absent == 1)
        throw InvalidRequest(concat(folder.string(), ": picture ", gap, " of ", first, " to ", last, " is missing"));
    throw InvalidRequest(concat(folder.string(), ": ", absent, " pictures of ", first, " to ", last,
                                " are missing, the first of them is ", gap));
}

}  // namespace

void check_numbers(const fs::path& folder, const std::vector<fs::path>& pictures) {
    if (pictures.empty()) return;
    std::vector<std::string> stems;
    for (const fs::path& picture : pictures) stems.push_back(picture.stem().string());
    const Numbering numbering(stems);
    std::map<std::string, Series> all;
    for (size_t i = 0; i < pictures.size(); ++i) {
        const auto found = numbering.of(stems[i]);
        if (!found) continue;
        const auto [entry, first] = all[found->first].emplace(found->second, pictures[i]);
        require_valid(first, folder.string(), ": both ", entry->second.filename().string(), " and ",
                      pictures[i].filename().string(), " are picture ", found->second, "; expected one of them");
    }
    for (const auto& [around, series] : all) check_steps(folder, series);
}

}  // namespace t3video::evaluation
