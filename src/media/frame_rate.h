// Frames per second as an exact fraction, so that timestamps do not drift.
#pragma once

#include <cstdint>
#include <iosfwd>

namespace t3video::media {

struct FrameRate {
    static constexpr double kSlowest = 0.01, kFastest = 1000.0;
    static constexpr int64_t kLargestTerm =
        1'000'000;  // within FFmpeg's 32-bit fractions and file formats' time scales

    // The broadcast rates 23.976, 29.97, 47.952, 59.94 and 119.88 (within 0.005) mean n * 1000/1001; any other number
    // is taken as the nearest fraction with terms up to 100000. Throws InvalidRequest outside kSlowest..kFastest.
    FrameRate(double frames_per_second);  // implicit: a plain number is the usual way
    // Throws InvalidRequest outside the same range, or for terms above kLargestTerm after reduction.
    FrameRate(int64_t numerator, int64_t denominator);

    double value() const { return static_cast<double>(num) / static_cast<double>(den); }
    friend bool operator==(const FrameRate&, const FrameRate&) = default;
    friend std::ostream& operator<<(std::ostream& out, const FrameRate& rate);  // "24000/1001", "8"

    int64_t num = 0, den = 1;  // in lowest terms
};

}  // namespace t3video::media
