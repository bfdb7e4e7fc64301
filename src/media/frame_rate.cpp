// From a number typed by a person to an exact frame rate.
#include "media/frame_rate.h"

#include <cmath>
#include <numeric>
#include <ostream>

#include "core/error.h"
#include "media/ffmpeg.h"

namespace t3video::media {
namespace {

FrameRate nearest_fraction(double fps) {
    require_valid(fps >= FrameRate::kSlowest && fps <= FrameRate::kFastest, "frame rate ", fps, ": expected ",
                  FrameRate::kSlowest, " to ", FrameRate::kFastest, " frames per second");  // NaN fails too
    for (const int64_t whole : {24, 30, 48, 60, 120}) {
        if (std::abs(fps - static_cast<double>(whole) * 1000.0 / 1001.0) < 0.005) return {whole * 1000, 1001};
    }
    const AVRational fraction = av_d2q(fps, 100000);
    return {fraction.num, fraction.den};
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
