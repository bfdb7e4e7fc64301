// Step caches as people write them: "easy", "easy:0.1", "tea-ret:0.08", "mag:0.12,4,0.2".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/message.h"
#include "sampling/cache/settings.h"

namespace t3video::film {

// What was asked for; what is not set takes the cache's own default, or its table's.
struct CacheChoice {
    sampling::CacheKind kind = sampling::CacheKind::none;
    std::optional<double> threshold, retention;
    std::optional<int64_t> first, most;
};

// "none", "easy", "tea", "tea-ret", "mag"
std::string_view name_of(sampling::CacheKind kind);

// NAME, or NAME:VALUE,... with, in this order, the threshold; of easy the number of first steps; of mag the number of
// skipped passes in a row and the share of the passes that are computed first. Throws InvalidRequest.
CacheChoice parse_cache(const Field& given);
// The other way.
std::string text_of(const CacheChoice& choice);
CacheChoice choice_of(const sampling::CacheSettings& settings);

// "0.1:0.9", in noise levels from 0 (clean) to 1.
sampling::GuidanceInterval parse_guidance_interval(const Field& given);
std::string text_of(const sampling::GuidanceInterval& interval);

}  // namespace t3video::film
