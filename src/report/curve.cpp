// Running means, and lowest and highest values of bins.
#include "report/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace t3video::report {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

Bin bin_of(std::span<const PlotPoint> points) {
    const PlotPoint *low = nullptr, *high = nullptr;
    for (const PlotPoint& point : points) {
        if (!point.is_drawn()) continue;
        if (low == nullptr || point.y < low->y) low = &point;
        if (high == nullptr || point.y > high->y) high = &point;
    }
    if (low == nullptr) return {{points.front().x, kGap}, {points.front().x, kGap}};
    return {*std::min(low, high), *std::max(low, high)};
}

}  // namespace

bool PlotPoint::is_drawn() const {
    return std::isfinite(x) && std::isfinite(y);
}

std::vector<PlotPoint> running_mean(const std::vector<PlotPoint>& points, size_t window) {
    std::vector<PlotPoint> means;
    means.reserve(points.size());
    for (size_t i = 0; i < points.size(); ++i) {
        // Summed anew each time: one large value would leave its rounding error in a sum that is carried along.
        const size_t begin = i + 1 - std::min(window, i + 1);
        double sum = 0;
        size_t count = 0;
        for (size_t k = begin; k <= i; ++k) {
            if (!points[k].is_drawn()) continue;
            sum += points[k].y;
            ++count;
        }
        means.push_back({points[i].x, count > 0 ? sum / static_cast<double>(count) : kGap});
    }
    return means;
}

std::vector<Bin> binned(const std::vector<PlotPoint>& points, size_t most) {
    const size_t count = std::min(most, points.size());
    std::vector<Bin> bins;
    bins.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        const size_t begin = i * points.size() / count, end = (i + 1) * points.size() / count;
        bins.push_back(bin_of(std::span(points).subspan(begin, end - begin)));
    }
    return bins;
}

std::vector<PlotPoint> thinned(const std::vector<PlotPoint>& points, size_t most) {
    if (points.size() <= most) return points;
    std::vector<PlotPoint> few;
    for (const auto& [first, second] : binned(points, most / 2)) {
        few.push_back(first);
        if (second.x != first.x) few.push_back(second);
    }
    return few;
}

}  // namespace t3video::report
