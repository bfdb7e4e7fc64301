// Where films change from one line of pixels to the next, and what that says of windows.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace t3video::evaluation {

// change[p]: mean bent difference of Y(p + reach - 1) and Y(p - reach), across the line between pixels p - 1 and p,
// where both are there.
struct Profile {
    int64_t reach = 1;
    std::vector<double> change;

    // Change at p less what it is one step to either side; a step is as long as the distance of the two pixels.
    int64_t step() const { return 2 * reach - 1; }
    double excess(int64_t p) const {
        const auto at = [&](int64_t place) {
            const bool inside = place >= reach && place + reach <= static_cast<int64_t>(change.size());
            return inside ? change[static_cast<size_t>(place)] : std::numeric_limits<double>::quiet_NaN();
        };
        return at(p) - (at(p - step()) + at(p + step())) / 2;
    }
    // Whether excess(p + distance) sees what happens across the line at p.
    bool sees(int64_t distance) const { return std::abs(distance) <= step() + reach - 1; }
};

struct Axis {
    std::string_view name, unit;
    int64_t tokens = 0, cell = 0;
    int64_t cropped = 0;  // pixels of the first token that the film does not show
    int64_t side = 0;
    std::vector<Profile> profiles;

    int64_t place(int64_t token) const { return token * cell - cropped; }
};

using Marks = std::vector<bool>;  // by token: whether there is a border in front of it

Marks close_borders(int64_t tokens, int64_t count, int64_t shift);

struct Finding {
    double times_chance = 0, levels = 0;
    std::vector<double> series;
};

// Seams at `borders`. Elsewhere is where `any_borders`, of all patterns, are not seen. Nothing where too little is
// elsewhere.
std::optional<Finding> find_seams(const Axis& axis, const Profile& profile, const Marks& borders,
                                  const Marks& any_borders);

// A period of `period` values in a series, against neighbouring frequencies. Nothing for less than two periods.
std::optional<Finding> find_period(const std::vector<double>& series, int64_t period);

// Mean change within each token.
std::vector<double> texture_of(const Axis& axis);

// Mean excess change at each token's two borders, those of close windows left out.
std::vector<double> steps_of(const Axis& axis, const Marks& close);

}  // namespace t3video::evaluation
