#include "evaluation/meters/grid_profiles.h"

#include <algorithm>
#include <numbers>
#include <numeric>

#include "t3/window_layout.h"

namespace t3video::evaluation {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// In levels: less than that no profile of 8-bit pixels tells, even of a picture of one colour.
constexpr double kLeastSpread = 0.02;
constexpr int64_t kLeastElsewhere = 5;  // borders that windows do not have, to know chance from
constexpr int64_t kNear = 4;            // tokens

double median(std::vector<double> values) {
    if (values.empty()) return kNaN;
    const size_t half = values.size() / 2;
    std::ranges::nth_element(values, values.begin() + static_cast<int64_t>(half));
    if (values.size() % 2 == 1) return values[half];
    return (values[half] + *std::max_element(values.begin(), values.begin() + static_cast<int64_t>(half))) / 2;
}

// Without the largest and the smallest eighth, at least one of each, where there are three or more: a single edge of
// the picture at a border does not make a seam.
double trimmed_mean(std::vector<double> values) {
    std::ranges::sort(values);
    const size_t cut = values.size() < 3 ? 0 : (values.size() + 7) / 8;
    return std::accumulate(values.begin() + static_cast<int64_t>(cut), values.end() - static_cast<int64_t>(cut), 0.0) /
           double(values.size() - 2 * cut);
}

struct Spread {
    double squares = 0, fourth_powers = 0;
    int64_t count = 0;

    void add(double value) {
        squares += value * value;
        fourth_powers += std::pow(value, 4);
        ++count;
    }
    // Root mean square; where a few values are much larger than all others, more, as the mean of so few of them
    // is then no longer normal: up to the root of the fourth powers of a normal distribution.
    double of_mean_of(int64_t values) const {
        if (squares == 0) return 0;
        const double mean_square = squares / double(count);
        const double kurtosis = fourth_powers / double(count) / (mean_square * mean_square) - 3;
        return std::sqrt(mean_square) * std::pow(1 + std::max(kurtosis, 0.0) / 3 / double(values), 0.25);
    }
};

}  // namespace

Marks close_borders(int64_t tokens, int64_t count, int64_t shift) {
    Marks borders(static_cast<size_t>(tokens), false);
    for (int64_t part = 0; part < count; ++part)
        borders[static_cast<size_t>(t3::close_part(tokens, count, shift, part).first)] = true;
    borders[0] = false;
    return borders;
}

std::optional<Finding> find_seams(const Axis& axis, const Profile& profile, const Marks& borders,
                                  const Marks& any_borders) {
    const auto marked = [&](const Marks& marks, int64_t token) {
        return token > 0 && token < axis.tokens && marks[static_cast<size_t>(token)];
    };
    std::vector<double> at_borders;
    Spread between_tokens, within_tokens;
    const int64_t around = (profile.step() + profile.reach) / axis.cell + 1;
    for (int64_t phase = 0; phase < axis.cell; ++phase) {
        // One place of each token: what the decoder does there is common to all.
        std::vector<double> excess(static_cast<size_t>(axis.tokens), kNaN);
        Marks elsewhere(static_cast<size_t>(axis.tokens), false);
        for (int64_t token = 0; token < axis.tokens; ++token) {
            const auto i = static_cast<size_t>(token);
            excess[i] = profile.excess(axis.place(token) + phase);
            elsewhere[i] = std::isfinite(excess[i]);
            for (int64_t other = token - around; other <= token + around; ++other) {
                if (marked(any_borders, other) && profile.sees((token - other) * axis.cell + phase))
                    elsewhere[i] = false;
            }
        }
        // Less the median of the nearest such places elsewhere, kNear on either side.
        const auto above_others = [&](int64_t token) {
            std::vector<double> others;
            for (const int64_t direction : {-1, 1}) {
                int64_t found = 0;
                for (int64_t t = token + direction; t >= 0 && t < axis.tokens && found < kNear; t += direction) {
                    if (!elsewhere[static_cast<size_t>(t)]) continue;
                    others.push_back(excess[static_cast<size_t>(t)]);
                    ++found;
                }
            }
            return excess[static_cast<size_t>(token)] - median(std::move(others));
        };
        for (int64_t token = 0; token < axis.tokens; ++token) {
            const bool at_border = phase == 0 && marked(borders, token);
            bool near_border = false;
            for (int64_t other = token - kNear; other <= token + kNear; ++other)
                near_border = near_border || marked(borders, other);
            if (!at_border && !(near_border && elsewhere[static_cast<size_t>(token)])) continue;
            const double above = above_others(token);
            if (!std::isfinite(above)) continue;
            if (at_border)
                at_borders.push_back(above);
            else
                (phase == 0 ? between_tokens : within_tokens).add(above);
        }
    }
    if (at_borders.empty() || between_tokens.count < kLeastElsewhere) return std::nullopt;
    Finding found;
    const auto count = static_cast<int64_t>(at_borders.size());
    found.levels = trimmed_mean(at_borders);
    const double spread =
        std::hypot(std::max(between_tokens.of_mean_of(count), within_tokens.of_mean_of(count)), kLeastSpread);
    found.times_chance = found.levels * std::sqrt(double(count)) / spread;
    for (int64_t token = 1; token < axis.tokens; ++token) found.series.push_back(profile.excess(axis.place(token)));
    return found;
}

std::optional<Finding> find_period(const std::vector<double>& series, int64_t period) {
    const auto first = std::ranges::find_if(series, [](double value) { return std::isfinite(value); });
    const auto last = std::find_if(first, series.end(), [](double value) { return !std::isfinite(value); });
    if (std::any_of(last, series.end(), [](double value) { return std::isfinite(value); })) return std::nullopt;
    const int64_t periods = (last - first) / period, count = periods * period;
    if (periods < 2) return std::nullopt;
    const auto begin = first + ((last - first) - count) / 2;
    // Less the mean of the two neighbours: pictures have most at low frequencies, and that would leak into all others.
    std::vector<double> sharp(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
        const double before = begin[i > 0 ? i - 1 : 1], after = begin[i + 1 < count ? i + 1 : count - 2];
        sharp[static_cast<size_t>(i)] = begin[i] - (before + after) / 2;
    }
    const auto response = [&](int64_t frequency) {
        return 1 - std::cos(2 * std::numbers::pi * double(frequency) / double(count));
    };
    const auto power = [&](int64_t frequency) {
        double re = 0, im = 0;
        for (int64_t i = 0; i < count; ++i) {
            const double angle = 2 * std::numbers::pi * double(frequency * i % count) / double(count);
            re += sharp[static_cast<size_t>(i)] * std::cos(angle);
            im += sharp[static_cast<size_t>(i)] * std::sin(angle);
        }
        return re * re + im * im;
    };
    double of_period = 0, of_others = 0, squared_amplitude = 0;
    for (int64_t frequency = periods; 2 * frequency <= count; frequency += periods) {
        const double here = power(frequency);
        of_period += here / response(frequency);
        squared_amplitude += (2 * frequency == count ? 1 : 2) * here / std::pow(response(frequency) * double(count), 2);
        double sum = 0;
        int64_t others = 0;
        for (int64_t by = -std::min(periods - 1, kNear); by <= std::min(periods - 1, kNear); ++by) {
            const int64_t other = frequency + by;
            if (by == 0 || other < 1 || 2 * other > count) continue;
            sum += power(other) / response(other);
            ++others;
        }
        // White noise of a deviation has a power of count times its square.
        of_others += std::max(sum / double(others), double(count) * kLeastSpread * kLeastSpread);
    }
    return Finding{std::sqrt(of_period / of_others), std::sqrt(squared_amplitude), series};
}

std::vector<double> texture_of(const Axis& axis) {
    const Profile& profile = axis.profiles[0];
    std::vector<double> texture;
    for (int64_t token = 0; token < axis.tokens; ++token) {
        const int64_t first = axis.place(token) + 2, last = axis.place(token + 1) - 2;
        if (first < profile.reach || last + profile.reach > axis.side || first > last) {
            texture.push_back(kNaN);
            continue;
        }
        const double sum = std::accumulate(profile.change.begin() + first, profile.change.begin() + last + 1, 0.0);
        texture.push_back(sum / double(last - first + 1));
    }
    return texture;
}

std::vector<double> steps_of(const Axis& axis, const Marks& close) {
    std::vector<double> steps;
    for (int64_t token = 0; token < axis.tokens; ++token) {
        double sum = 0;
        int64_t count = 0;
        for (const int64_t border : {token, token + 1}) {
            const double excess = axis.profiles[0].excess(axis.place(border));
            if (border == 0 || border == axis.tokens || close[static_cast<size_t>(border)] || !std::isfinite(excess))
                continue;
            sum += excess;
            ++count;
        }
        steps.push_back(count > 0 ? sum / double(count) : kNaN);
    }
    return steps;
}

}  // namespace t3video::evaluation
