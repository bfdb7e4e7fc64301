// The sizes of buckets, and which one is a clip's.
#include "training/data/buckets.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/error.h"

namespace t3video::training {
namespace {

void check_resolution(Size resolution, int64_t cell) {
    const auto fits = [&](int64_t side) { return side >= cell && side <= kLongestSide; };
    require_valid(fits(resolution.width) && fits(resolution.height),
                  Field("size", resolution.width, 'x', resolution.height), ": expected sides of ", cell, " to ",
                  kLongestSide, " pixels");
}

std::vector<Size> sorted(std::vector<Size> sizes) {
    std::ranges::sort(sizes);
    sizes.erase(std::ranges::unique(sizes).begin(), sizes.end());
    return sizes;
}

double shape_of(Size size) {
    return std::log(static_cast<double>(size.width) / static_cast<double>(size.height));
}
double area_of(Size size) {
    return static_cast<double>(size.width) * static_cast<double>(size.height);
}

}  // namespace

std::vector<Size> aspect_sizes(Size resolution, int64_t cell) {
    check_resolution(resolution, cell);
    const int64_t area = resolution.width * resolution.height;
    const auto root = static_cast<int64_t>(std::sqrt(static_cast<double>(area)));
    std::vector<Size> sizes;
    for (int64_t side = std::max(cell, root / 2 / cell * cell); side < root + cell; side += cell) {
        const int64_t other = area / side / cell * cell;
        if (other < cell) break;
        sizes.push_back({side, other});
        sizes.push_back({other, side});
    }
    return sorted(std::move(sizes));
}

std::vector<Size> ratio_sizes(Size resolution, std::span<const double> ratios, int64_t cell) {
    check_resolution(resolution, cell);
    const double area = area_of(resolution);
    const auto in_cells = [&](double side) {
        return std::max<int64_t>(1, std::llround(side / static_cast<double>(cell))) * cell;
    };
    std::vector<Size> sizes;
    for (const double ratio : ratios) {
        require_valid(ratio >= 0.01 && ratio <= 100, Field("ar_buckets", ratio),
                      ": expected a width by height of 0.01 to 100");
        sizes.push_back({in_cells(std::sqrt(area * ratio)), in_cells(std::sqrt(area / ratio))});
    }
    return sorted(std::move(sizes));
}

std::optional<Size> nearest_size(std::span<const Size> sizes, Size shown, int64_t cell, bool no_upscale) {
    require_valid(!sizes.empty(), Field("size"), ": expected at least one size");
    require(shown.width >= 1 && shown.height >= 1, "a clip of ", shown.width, 'x', shown.height, " pixels");
    constexpr double kSameShape = 1e-9;  // rounding of logarithms
    std::optional<Size> best;
    std::pair<double, double> least;  // differences of shape and area
    for (const Size& size : sizes) {
        require_valid(size.width >= cell && size.height >= cell && size.width % cell == 0 && size.height % cell == 0,
                      Field("size", size.width, 'x', size.height), ": expected multiples of ", cell);
        if (no_upscale && (size.width > shown.width || size.height > shown.height)) continue;
        const std::pair difference(std::abs(shape_of(size) - shape_of(shown)),
                                   std::abs(std::log(area_of(size) / area_of(shown))));
        const double by_shape = best ? difference.first - least.first : -1;
        if (by_shape < -kSameShape || (by_shape <= kSameShape && difference.second < least.second - kSameShape)) {
            best = size;
            least = difference;
        }
    }
    const Size own = {shown.width / cell * cell, shown.height / cell * cell};
    if (!best && own.width >= cell && own.height >= cell) best = own;
    return best;
}

std::optional<int64_t> nearest_length(std::span<const int64_t> lengths, int64_t frames) {
    std::optional<int64_t> best;
    for (const int64_t length : lengths) {
        if (length <= frames && (!best || length > *best)) best = length;
    }
    return best;
}

}  // namespace t3video::training
