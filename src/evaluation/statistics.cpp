#include "evaluation/statistics.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "core/error.h"

namespace t3video::evaluation {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// From here on the expansion below is exact to ten digits, and the finite series would grow with the degrees.
constexpr int64_t kManyDegrees = 1000;

// The share of Student's distribution within -t..t, with t = sqrt(n) tan(angle). Abramowitz and Stegun, Handbook of
// Mathematical Functions, 26.7.3 (odd degrees n) and 26.7.4 (even ones): finite series in cos(angle).
double share_within(double angle, int64_t n) {
    const double sine = std::sin(angle), cosine = std::cos(angle), square = cosine * cosine;
    const bool is_odd = n % 2 == 1;
    double sum = 0, term = is_odd ? cosine : 1;
    for (int64_t power = is_odd ? 1 : 0; power <= n - 2; power += 2) {
        sum += term;
        term *= square * static_cast<double>(power + 1) / static_cast<double>(power + 2);
    }
    return is_odd ? 2 / std::numbers::pi * (angle + sine * sum) : sine * sum;
}

// In powers of 1/n around the normal distribution's quantile: Abramowitz and Stegun, 26.7.5.
double expanded_t975(int64_t n) {
    constexpr double z = 1.959963984540054;
    constexpr double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    const double r = 1 / static_cast<double>(n);
    constexpr double first = (z3 + z) / 4, second = (5 * z5 + 16 * z3 + 3 * z) / 96,
                     third = (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / 384;
    return z + r * (first + r * (second + r * third));
}

}  // namespace

bool Mean::has_interval() const {
    return std::isfinite(low) && std::isfinite(high);
}

double student_t975(int64_t degrees) {
    require(degrees >= 1, "Student's t: ", degrees, " degrees of freedom");
    if (degrees >= kManyDegrees) return expanded_t975(degrees);
    double low = 0, high = std::numbers::pi / 2;
    for (int i = 0; i < 60; ++i) {  // halves the bracket down to a double's precision
        const double middle = (low + high) / 2;
        (share_within(middle, degrees) < 0.95 ? low : high) = middle;
    }
    return std::sqrt(static_cast<double>(degrees)) * std::tan((low + high) / 2);
}

// Sums of what a double holds, and of their squares, are within a long double's range.
Mean mean_of(std::span<const double> values) {
    Mean mean{0, kNone, kNone, kNone};
    long double sum = 0;
    for (const double value : values) {
        if (!std::isfinite(value)) continue;
        sum += value;
        ++mean.count;
    }
    if (mean.count == 0) return mean;
    const auto count = static_cast<long double>(mean.count);
    const long double middle = sum / count;
    mean.value = static_cast<double>(middle);
    if (mean.count == 1) return mean;
    long double squares = 0;
    for (const double value : values) {
        if (std::isfinite(value)) squares += (value - middle) * (value - middle);
    }
    const long double half = student_t975(mean.count - 1) * std::sqrt(squares / (count - 1) / count);
    mean.low = static_cast<double>(middle - half);
    mean.high = static_cast<double>(middle + half);
    return mean;
}

Mean mean_difference(std::span<const double> a, std::span<const double> b) {
    require(a.size() == b.size(), "mean_difference: ", a.size(), " values and ", b.size());
    std::vector<double> differences(a.size());
    for (size_t i = 0; i < a.size(); ++i) differences[i] = a[i] - b[i];  // not finite where either is not
    return mean_of(differences);
}

}  // namespace t3video::evaluation
