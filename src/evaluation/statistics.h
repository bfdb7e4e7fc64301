// Means and how far they can be trusted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace t3video::evaluation {

// The mean of some values and its 95 % confidence interval (Student's t). Values that are not finite are left out and
// not counted. Without any the mean is NaN; of a single one the interval is unknown: NaN.
struct Mean {
    int64_t count = 0;
    double value = 0;
    double low = 0, high = 0;

    bool has_interval() const;
};
Mean mean_of(std::span<const double> values);

// The mean of the differences a[i] - b[i], of those where both are finite: how much one set is above another, film by
// film.
Mean mean_difference(std::span<const double> a, std::span<const double> b);

// The t that 97.5 % of Student's distribution lie below, for 1 degree of freedom or more.
double student_t975(int64_t degrees);

}  // namespace t3video::evaluation
