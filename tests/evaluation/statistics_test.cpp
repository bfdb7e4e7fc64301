// Means and intervals against tables, closed forms and plain loops.
#include "evaluation/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "core/error.h"

namespace t3video::evaluation {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Statistics, StudentsQuantileAsTablesHaveIt) {
    const std::pair<int64_t, double> table[] = {
        {1, 12.706205}, {2, 4.302653},    {3, 3.182446},     {4, 2.776445},
        {5, 2.570582},  {9, 2.262157},    {10, 2.228139},    {23, 2.068658},
        {24, 2.063899}, {30, 2.042272},   {99, 1.984217},    {100, 1.983972},
        {120, 1.97993}, {1000, 1.962339}, {10000, 1.960201}, {int64_t{1} << 60, 1.959964}};
    for (const auto& [degrees, t] : table) EXPECT_NEAR(student_t975(degrees), t, 6e-7) << degrees;
    EXPECT_NEAR(student_t975(1), std::tan(0.475 * std::numbers::pi), 1e-11);
    EXPECT_NEAR(student_t975(2), 0.95 * std::sqrt(2 / (1 - 0.95 * 0.95)), 1e-12);
    EXPECT_THROW(student_t975(0), Error);
}

// The share of the density up to the quantile, by Simpson's rule, is 0.975 for all degrees; the quantiles fall, also
// where one way of computing them follows the other.
TEST(Statistics, StudentsQuantileOfAllDegrees) {
    for (const int64_t degrees : {1, 2, 3, 4, 7, 8, 23, 64, 101, 500, 999, 1000, 5000}) {
        const auto n = static_cast<double>(degrees);
        const double scale = std::exp(std::lgamma((n + 1) / 2) - std::lgamma(n / 2)) / std::sqrt(n * std::numbers::pi);
        const auto density = [&](double t) { return scale * std::exp(-(n + 1) / 2 * std::log1p(t * t / n)); };
        constexpr int kSteps = 20000;
        const double t = student_t975(degrees), h = t / kSteps;
        double sum = density(0) + density(t);
        for (int i = 1; i < kSteps; ++i) sum += (i % 2 == 1 ? 4 : 2) * density(i * h);
        EXPECT_NEAR(0.5 + sum * h / 3, 0.975, 2e-9) << degrees;
    }
    for (int64_t degrees = 2; degrees < 1100; ++degrees)
        EXPECT_LT(student_t975(degrees), student_t975(degrees - 1)) << degrees;
}

TEST(Statistics, MeanAndInterval) {
    const std::vector<double> values = {31.25, kNaN, 30, 32.5, -kInfinity, 29.75};
    const Mean mean = mean_of(values);
    EXPECT_EQ(mean.count, 4);
    EXPECT_DOUBLE_EQ(mean.value, 30.875);
    // Deviations 0.375, -0.875, 1.625, -1.125: squares 4.8125, standard error sqrt(4.8125 / 3 / 4).
    const double half = 3.182446305 * std::sqrt(4.8125 / 12);
    EXPECT_NEAR(mean.low, 30.875 - half, 1e-8);
    EXPECT_NEAR(mean.high, 30.875 + half, 1e-8);
    EXPECT_TRUE(mean.has_interval());
}

TEST(Statistics, TheLargestNumbersHaveAMean) {
    constexpr double kLarge = 1.7e308;
    const Mean alike = mean_of(std::vector{kLarge, kLarge, kLarge});
    EXPECT_EQ(alike.count, 3);
    EXPECT_DOUBLE_EQ(alike.value, kLarge);
    const Mean apart = mean_of(std::vector{kLarge, -kLarge, kLarge, -kLarge});
    EXPECT_EQ(apart.value, 0);
    const Mean small = mean_of(std::vector{1e200, 3e200});  // of which the squares are too large
    EXPECT_DOUBLE_EQ(small.value, 2e200);
    EXPECT_NEAR(small.high / 2e200, 1 + 12.706204736 / 2, 1e-8);
}

TEST(Statistics, FewValues) {
    const Mean none = mean_of({});
    EXPECT_EQ(none.count, 0);
    EXPECT_TRUE(std::isnan(none.value) && std::isnan(none.low) && std::isnan(none.high));
    const Mean unknown = mean_of(std::vector{kNaN, kInfinity});
    EXPECT_EQ(unknown.count, 0);
    EXPECT_TRUE(std::isnan(unknown.value));
    const Mean one = mean_of(std::vector{kNaN, 7.0});
    EXPECT_EQ(one.count, 1);
    EXPECT_EQ(one.value, 7);
    EXPECT_FALSE(one.has_interval());
    const Mean alike = mean_of(std::vector{100.0, 100.0, 100.0});
    EXPECT_EQ(alike.low, 100);
    EXPECT_EQ(alike.high, 100);
    EXPECT_TRUE(alike.has_interval());
}

TEST(Statistics, DifferencesFilmByFilm) {
    const std::vector<double> a = {5, kNaN, 9, 1, 4}, b = {3, 2, 8, kInfinity, 4};
    const Mean difference = mean_difference(a, b);
    EXPECT_EQ(difference.count, 3);
    EXPECT_DOUBLE_EQ(difference.value, 1);  // of 2, 1, 0
    EXPECT_NEAR(difference.high - 1, 4.30265273 / std::sqrt(3.0), 1e-7);
    EXPECT_THROW(mean_difference(a, std::vector{1.0}), Error);
}

// Of many samples of a normal distribution, 95 % of the intervals hold its mean.
TEST(Statistics, IntervalsHoldTheMeanAsOftenAsTheySay) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal(3, 2);
    for (const size_t size : {2, 5, 24}) {
        int held = 0;
        constexpr int kTrials = 20000;
        for (int i = 0; i < kTrials; ++i) {
            std::vector<double> values(size);
            for (double& value : values) value = normal(random);
            const Mean mean = mean_of(values);
            held += mean.low <= 3 && 3 <= mean.high;
        }
        EXPECT_NEAR(held / double{kTrials}, 0.95, 0.006) << size;
    }
}

}  // namespace
}  // namespace t3video::evaluation
