// What is measured of films, and what a number means. docs/metrics.md says the same for people; a test compares them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace t3video::evaluation {

// Which of two values speaks for a film.
enum class Better : uint8_t { higher, lower, neither };

std::string_view name_of(Better better);  // "higher", "lower", "neither"

struct Metric {
    std::string_view name;   // "ms_ssim": a member of JSON, a column of CSV
    std::string_view title;  // "MS-SSIM", for people
    int version = 1;         // another one, other values
    bool compares = false;   // with a reference
    Better better = Better::neither;
    std::string_view unit;        // "dB", "levels" (of 255), "%"; empty for a pure number
    std::string_view range;       // "0 to 100 dB, equal films have 100"
    std::string_view definition;  // what the number says, in a sentence or two
    std::string_view formula;     // as text
    std::string_view source;      // the paper or program it is from, or "t3video"
    std::string_view blindness;   // what it does not see, and what misleads it
};

// All of them, in the order of reports; those that this build cannot measure too.
std::vector<const Metric*> all_metrics();
// Null for an unknown name.
const Metric* find_metric(std::string_view name);

}  // namespace t3video::evaluation
