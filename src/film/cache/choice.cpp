// Texts to choices and back.
#include "film/cache/choice.h"

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/numbers.h"

namespace t3video::film {
namespace {

using sampling::CacheKind;

constexpr CacheKind kKinds[] = {CacheKind::none, CacheKind::easy, CacheKind::tea, CacheKind::tea_ret, CacheKind::mag};
constexpr const char* kSpelling =
    "expected none, easy, tea, tea-ret or mag, with a threshold behind a colon, as in easy:0.05";

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (size_t at = 0; at != std::string_view::npos;) {
        const size_t comma = text.find(',', at);
        parts.push_back(text.substr(at, comma - at));
        at = comma == std::string_view::npos ? comma : comma + 1;
    }
    return parts;
}

double threshold_of(const Field& given, std::string_view text) {
    constexpr double kMost = 1000;  // far beyond what skips everything
    const auto value = number_of<double>(text);
    require_valid(value && *value > 0 && *value <= kMost, given, ": the threshold is '", text,
                  "', expected a number of more than 0, such as 0.05");
    return *value;
}

int64_t count_of(const Field& given, std::string_view text, const char* what, int64_t least) {
    constexpr int64_t kMost = 1000;
    const auto value = number_of<int64_t>(text);
    require_valid(value && *value >= least && *value <= kMost, given, ": ", what, " is '", text, "', expected ", least,
                  " to ", kMost);
    return *value;
}

double retention_of(const Field& given, std::string_view text) {
    const auto value = number_of<double>(text);
    require_valid(value && *value >= 0 && *value <= 1, given, ": the share that is computed first is '", text,
                  "', expected 0 to 1");
    return *value;
}

}  // namespace

std::string_view name_of(CacheKind kind) {
    constexpr std::string_view kNames[] = {"none", "easy", "tea", "tea-ret", "mag"};
    return kNames[static_cast<size_t>(kind)];
}

CacheChoice parse_cache(const Field& given) {
    const std::string_view text = given.value, name = text.substr(0, text.find(':'));
    CacheChoice choice;
    bool known = false;
    for (const CacheKind kind : kKinds) {
        if (name != name_of(kind)) continue;
        choice.kind = kind;
        known = true;
    }
    require_valid(known, given, ": ", kSpelling);
    if (name.size() == text.size()) return choice;
    const auto values = split(text.substr(name.size() + 1));
    const size_t most = choice.kind == CacheKind::none   ? 0
                        : choice.kind == CacheKind::easy ? 2
                        : choice.kind == CacheKind::mag  ? 3
                                                         : 1;
    require_valid(values.size() <= most, given, ": ", name, " takes at most ", most, most == 1 ? " value" : " values",
                  ", found ", values.size());
    choice.threshold = threshold_of(given, values[0]);
    const bool easy = choice.kind == CacheKind::easy;
    if (values.size() > 1 && easy) choice.first = count_of(given, values[1], "the number of first steps", 0);
    if (values.size() > 1 && !easy) choice.most = count_of(given, values[1], "the number of skipped passes", 1);
    if (values.size() > 2) choice.retention = retention_of(given, values[2]);
    return choice;
}

std::string text_of(const CacheChoice& choice) {
    std::string text(name_of(choice.kind));
    if (!choice.threshold) return text;
    text += ':' + exact_text(*choice.threshold);
    if (choice.first) text += concat(',', *choice.first);
    if (choice.most) text += concat(',', *choice.most);
    if (choice.most && choice.retention) text += ',' + exact_text(*choice.retention);
    return text;
}

CacheChoice choice_of(const sampling::CacheSettings& settings) {
    CacheChoice choice{.kind = settings.kind};
    if (settings.kind != CacheKind::none) choice.threshold = settings.threshold;
    if (settings.kind == CacheKind::easy) choice.first = settings.first;
    if (settings.kind == CacheKind::mag) {
        choice.most = settings.most;
        choice.retention = settings.retention;
    }
    return choice;
}

sampling::GuidanceInterval parse_guidance_interval(const Field& given) {
    const auto ends = two_numbers<double>(given.value, ":");
    require_valid(ends && ends->first >= 0 && ends->second <= 1 && ends->first < ends->second, given,
                  ": expected LOW:HIGH, noise levels from 0 (clean) to 1, the lower one first, as in 0.2:0.9");
    return {ends->first, ends->second};
}

std::string text_of(const sampling::GuidanceInterval& interval) {
    return exact_text(interval.from) + ':' + exact_text(interval.to);
}

}  // namespace t3video::film
