// From a number typed by a person to an exact frame rate.
#include "media/frame_rate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <ostream>
#include <utility>

#include "core/error.h"

namespace t3video::media {
namespace {

// The nearest fraction to `x`, a frame rate in range, with both terms up to `limit`: the continued fraction of x while
// it fits, then the largest multiple of its next step that still does, if that is nearer.
FrameRate best_fraction(double x, int64_t limit) {
    const auto error = [x](int64_t n, int64_t d) {
        return std::abs(static_cast<double>(n) / static_cast<double>(d) - x);
    };
    int64_t earlier_num = 1, earlier_den = 0, num = static_cast<int64_t>(x), den = 1;
    double rest = x - std::floor(x);
    constexpr double kExact = 1e-12;  // relative: what is left then is the rounding of the double
    while (error(num, den) > kExact * x) {
        rest = 1 / rest;
        int64_t most = (limit - earlier_den) / den;
        if (num > 0) most = std::min(most, (limit - earlier_num) / num);
        const bool fits = rest < static_cast<double>(most) + 1;
        const int64_t step = fits ? static_cast<int64_t>(rest) : most;
        const int64_t next_num = step * num + earlier_num, next_den = step * den + earlier_den;
        if (!fits) {
            return error(next_num, next_den) < error(num, den) ? FrameRate(next_num, next_den) : FrameRate(num, den);
        }
        earlier_num = std::exchange(num, next_num);
        earlier_den = std::exchange(den, next_den);
        rest -= std::floor(rest);
    }
    return {num, den};
}

FrameRate nearest_fraction(double fps) {
    require_valid(fps >= FrameRate::kSlowest && fps <= FrameRate::kFastest, "frame rate ", fps, ": expected ",
                  FrameRate::kSlowest, " to ", FrameRate::kFastest, " frames per second");  // NaN fails too
    for (const int64_t whole : {24, 30, 48, 60, 120}) {
        if (std::abs(fps - static_cast<double>(whole) * 1000.0 / 1001.0) < 0.005) return {whole * 1000, 1001};
    }
    return best_fraction(fps, 100000);
}

}  // namespace

FrameRate::FrameRate(double frames_per_second) : FrameRate(nearest_fraction(frames_per_second)) {}

FrameRate::FrameRate(int64_t numerator, int64_t denominator) {
    require_valid(numerator > 0 && denominator > 0, "frame rate ", numerator, "/", denominator,
                  ": expected two positive numbers");
    const int64_t divisor = std::gcd(numerator, denominator);
    num = numerator / divisor;
    den = denominator / divisor;
    require_valid(num <= kLargestTerm && den <= kLargestTerm, "frame rate ", *this, ": expected numbers up to ",
                  kLargestTerm);
    require_valid(value() >= kSlowest && value() <= kFastest, "frame rate ", *this, ": expected ", kSlowest, " to ",
                  kFastest, " frames per second");
}

std::ostream& operator<<(std::ostream& out, const FrameRate& rate) {
    out << rate.num;
    if (rate.den != 1) out << '/' << rate.den;
    return out;
}

}  // namespace t3video::media
