// A window layout in figures.
#pragma once

#include <string>
#include <vector>

#include "t3/reach.h"

namespace t3video::apps {

// The transformer that a layout is for.
struct LayoutUse {
    int64_t width = 0, layers = 0;  // channels of a token; layers 0: unknown
};

// "1,234,567"
std::string grouped(int64_t value);
// "412 GFLOP": the two products of attention over that many pairs of query and key, of `width` channels.
std::string attention_flop(double pairs, int64_t width);
// Of one layer: "1680", "1512 to 1680".
std::string tokens_of_windows(const Grid& grid, const t3::Pattern& pattern);

// Grid, patterns and their cost against full attention, on the standard output.
void print_layout(const t3::WindowLayout& layout, const LayoutUse& use);
void print_reach(const std::vector<t3::Reach>& reach);

}  // namespace t3video::apps
