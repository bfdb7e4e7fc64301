// Long rows of numbers, made short enough to draw.
#pragma once

#include <cstddef>
#include <vector>

namespace t3video::report {

struct PlotPoint {
    double x = 0;
    double y = 0;  // NaN or infinite: a gap

    bool is_drawn() const;  // both are finite
};

// The mean of the last `window` values up to each one, of those that are finite; a gap where none of them is.
std::vector<PlotPoint> running_mean(const std::vector<PlotPoint>& points, size_t window);

// Neighbours that are drawn as one: the lowest and the highest of them, in their order; both are NaN for a gap.
struct Bin {
    PlotPoint first, second;
};

// At most `most` bins of nearly as many neighbours each. Finite points of a bin stand for the gaps among them; without
// any the bin is a gap.
std::vector<Bin> binned(const std::vector<PlotPoint>& points, size_t most);

// The points as they are, or the lowest and the highest of each bin, `most` points in all: no peak gets lost.
std::vector<PlotPoint> thinned(const std::vector<PlotPoint>& points, size_t most);

}  // namespace t3video::report
