// Window layouts for grids that no table was published for.
//
// A layout that weights were retrofitted with, the reference, says what each pattern does along each axis: one window
// over all of it, windows of one token, or windows of some extent. On another grid the planner keeps these roles, and
// extents as near to the reference's as whole numbers of windows come; a portrait grid takes those of a landscape
// reference transposed. The rest is a choice between reach and work, which the options make.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "t3/window_layout.h"

namespace t3video::t3 {

struct PlanOptions {
    // Full attention scores at least so many times as many pairs, where both branches count even if they coincide, as
    // the paper counts: windows that lie in the frame shrink or grow alike for it. Those over whole frames, and
    // extents in time, stay.
    std::optional<double> budget;
    // Tokens of a window at most, but for windows over whole frames.
    std::optional<int64_t> window_tokens;
    // Latent frames of a window at most. Work then grows in proportion to a film's length, and reach across time is
    // the remote branch's.
    std::optional<int64_t> window_frames;
    // Tokens of a window over whole frames at most: frames larger than that are cut, which makes work grow in
    // proportion to their size.
    std::optional<int64_t> frame_tokens;
    std::vector<int64_t> schedule;  // the pattern of each layer; empty: the reference's

    friend bool operator==(const PlanOptions&, const PlanOptions&) = default;
};

struct PlannedLayout {
    WindowLayout layout;
    bool transposed = false;  // the reference's rows are columns here
    // Patterns that are full attention: one window has all tokens, or both branches would score no fewer pairs.
    std::vector<int64_t> whole;
};

// Plans from geometry alone, never by listing tokens. On the reference's own grid without options it is that layout.
// Throws InvalidRequest for options that
// are out of range or cannot be met, with the nearest that can.
PlannedLayout plan_layout(const Grid& grid, const WindowLayout& reference, const PlanOptions& options = {});

// How many times fewer pairs a layout scores than full attention, on the mean of `layers` layers.
struct Saving {
    double as_paper;  // both branches count in every pattern but full attention
    double computed;  // branches that coincide are computed once
};
Saving saving(const WindowLayout& layout, int64_t layers);

}  // namespace t3video::t3
