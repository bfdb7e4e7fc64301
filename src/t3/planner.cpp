// Roles of axes, extents to counts, and the search for what the options allow.
#include "t3/planner.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "core/error.h"

namespace t3video::t3 {
namespace {

using Extents = std::array<double, 3>;  // tokens of a window along t, h, w

enum class Role { whole, single, part };  // one window, windows of one token, windows of some extent

// What a pattern of the reference does along each axis.
struct Roles {
    std::array<Role, 3> of;
    Extents extents;
    Shift shift;
    Branches branches = Branches::both;

    bool frames() const { return of[1] == Role::whole && of[2] == Role::whole; }  // windows over whole frames
};

std::array<int64_t, 3> axes(const Grid& g) {
    return {g.t, g.h, g.w};
}
std::array<int64_t, 3> axes(const Pattern& p) {
    return {p.t, p.h, p.w};
}

Roles roles_of(const Grid& grid, const Pattern& pattern) {
    Roles roles{.shift = pattern.shift, .branches = pattern.branches};
    const auto extents = axes(grid), counts = axes(pattern);
    for (size_t a = 0; a < 3; ++a) {
        roles.of[a] = counts[a] == 1 ? Role::whole : counts[a] == extents[a] ? Role::single : Role::part;
        roles.extents[a] = double(extents[a]) / double(counts[a]);
    }
    return roles;
}

// The number of windows whose extent comes nearest, as a ratio, to the one asked for.
int64_t count_for(int64_t tokens, double extent) {
    const double wanted = double(tokens) / extent;
    const auto below = std::clamp<int64_t>(static_cast<int64_t>(wanted), 1, tokens);
    const int64_t above = std::min(below + 1, tokens);
    // n windows are nearer than n + 1 while wanted lies below the geometric mean of both.
    return wanted * wanted <= double(below) * double(above) ? below : above;
}

int64_t up(int64_t tokens, int64_t count) {
    return (tokens - 1) / count + 1;
}

// A pattern on a grid; extents within the frame are `scale` times those of the reference.
Pattern pattern_for(const Grid& grid, const Roles& roles, double scale) {
    std::array<int64_t, 3> counts{};
    const auto tokens = axes(grid);
    for (size_t a = 0; a < 3; ++a) {
        const double extent = a == 0 ? roles.extents[a] : roles.extents[a] * scale;
        counts[a] = roles.of[a] == Role::whole    ? 1
                    : roles.of[a] == Role::single ? tokens[a]
                                                  : count_for(tokens[a], std::max(extent, 1.0));
    }
    return {counts[0], counts[1], counts[2], roles.shift, roles.branches};
}

// The fewest windows of a frame with no more than so many tokens each, of these the nearest to square.
void cut_frames(const Grid& grid, int64_t most, Pattern& pattern) {
    if (largest_window(grid, pattern) <= most) return;
    pattern.t = std::max(pattern.t, up(grid.t, most));
    int64_t best = 0;
    double best_shape = 0;
    for (int64_t h = 1; h <= grid.h; ++h) {
        const int64_t rows = up(grid.h, h), columns = std::min(grid.w, most / (rows * up(grid.t, pattern.t)));
        if (columns < 1) continue;
        const int64_t w = up(grid.w, columns);
        const double shape = std::abs(std::log(double(rows) / double(up(grid.w, w))));
        if (best != 0 && (h * w > best || (h * w == best && shape >= best_shape))) continue;
        best = h * w;
        best_shape = shape;
        pattern.h = h;
        pattern.w = w;
    }
}

// The largest scale within [least, most] for which `fits` holds, which it does for all below that; nothing where none
// does.
std::optional<double> largest_scale(double least, double most, const std::function<bool(double)>& fits) {
    if (fits(most)) return most;
    if (!fits(least)) return std::nullopt;
    for (int i = 0; i < 60; ++i) {
        const double middle = std::sqrt(least * most);
        (fits(middle) ? least : most) = middle;
    }
    return least;
}

constexpr Pattern kFull{1, 1, 1};
constexpr double kLeastScale = 1e-9, kMostScale = 1e9;  // single tokens, and whole axes, on any grid

class Planner {
  public:
    Planner(const Grid& grid, const PlanOptions& options, std::vector<Roles> roles, std::vector<int64_t> schedule)
        : grid_(grid), options_(options), roles_(std::move(roles)), schedule_(std::move(schedule)) {}

    WindowLayout layout(double scale) const {
        WindowLayout layout{.grid = grid_, .schedule = schedule_};
        for (const Roles& roles : roles_) layout.patterns.push_back(pattern(roles, scale));
        return layout;
    }

  private:
    Pattern pattern(const Roles& roles, double scale) const {
        Pattern pattern = capped(pattern_for(grid_, roles, scale));
        if (roles.frames()) {
            if (options_.frame_tokens) cut_frames(grid_, *options_.frame_tokens, pattern);
        } else if (options_.window_tokens) {
            const int64_t most = *options_.window_tokens;
            const auto fits = [&](double s) {
                return largest_window(grid_, capped(pattern_for(grid_, roles, s))) <= most;
            };
            if (const auto fitting = largest_scale(kLeastScale, scale, fits)) {
                pattern = capped(pattern_for(grid_, roles, *fitting));
            } else {  // one column through time, or a whole axis of the frame, has more
                pattern = capped(pattern_for(grid_, roles, kLeastScale));
                cut_anywhere(most, pattern);
            }
        }
        pattern = nearest_valid(grid_, pattern);  // shifts stay below the smallest extent
        return full_is_cheaper(pattern, roles.frames()) ? kFull : pattern;
    }

    // Where the options allow it at all.
    bool full_is_cheaper(const Pattern& pattern, bool frames) const {
        const int64_t tokens = grid_.tokens();
        const auto& most = frames ? options_.frame_tokens : options_.window_tokens;
        if (tokens > most.value_or(tokens) || grid_.t > options_.window_frames.value_or(grid_.t)) return false;
        return scored_pairs(grid_, pattern) >= double(tokens) * double(tokens);
    }

    Pattern capped(Pattern pattern) const {
        if (options_.window_frames) pattern.t = std::max(pattern.t, up(grid_.t, *options_.window_frames));
        return pattern;
    }

    // Cuts time, then rows, then columns until windows have no more tokens than that.
    void cut_anywhere(int64_t most, Pattern& pattern) const {
        for (int64_t* count : {&pattern.t, &pattern.h, &pattern.w}) {
            const int64_t have = largest_window(grid_, pattern);
            if (have <= most) return;
            const int64_t extent = count == &pattern.t ? grid_.t : count == &pattern.h ? grid_.h : grid_.w;
            const int64_t own = up(extent, *count);
            *count = up(extent, std::max<int64_t>(1, own * most / have));
        }
    }

    Grid grid_;
    const PlanOptions& options_;
    std::vector<Roles> roles_;
    std::vector<int64_t> schedule_;
};

void check_options(const WindowLayout& reference, const PlanOptions& o) {
    require_valid(!o.budget || (std::isfinite(*o.budget) && *o.budget > 0), Field("budget", o.budget.value_or(0)),
                  ": expected more than 0 times fewer multiply-adds than full attention, such as 30.9");
    const auto positive = [](const std::optional<int64_t>& value, const char* name) {
        require_valid(!value || *value >= 1, Field(name, value.value_or(0)), ": expected 1 or more");
    };
    positive(o.window_tokens, "window-tokens");
    positive(o.window_frames, "window-frames");
    positive(o.frame_tokens, "frame-tokens");
    for (const int64_t pattern : o.schedule) {
        require_valid(pattern >= 0 && pattern < static_cast<int64_t>(reference.patterns.size()), Field("schedule"),
                      " with pattern ", pattern, ": there are patterns 0 to ", reference.patterns.size() - 1);
    }
}

}  // namespace

Saving saving(const WindowLayout& layout, int64_t layers) {
    double both = 0, computed = 0;
    for (int64_t layer = 0; layer < layers; ++layer) {
        const Pattern& pattern = layout.of_layer(layer);
        const double pairs = scored_pairs(layout.grid, pattern);
        computed += pairs;
        const bool twice = branches_coincide(layout.grid, pattern) && pattern != kFull;
        both += twice && pattern.branches == Branches::both ? 2 * pairs : pairs;
    }
    const double tokens = double(layout.grid.tokens()), full = double(layers) * tokens * tokens;
    return {full / both, full / computed};
}

PlannedLayout plan_layout(const Grid& grid, const WindowLayout& reference, const PlanOptions& options) {
    check_layout(reference, "the layout to start from");
    check_layout(full_attention(grid), "layout");
    check_options(reference, options);
    PlannedLayout planned;
    const Grid& from = reference.grid;
    if (grid == from && options == PlanOptions{}) {
        planned.layout = reference;
        return planned;
    }
    planned.transposed = (grid.h > grid.w && from.h < from.w) || (grid.h < grid.w && from.h > from.w);
    std::vector<Roles> roles;
    for (Pattern pattern : reference.patterns) {
        Grid g = from;
        if (planned.transposed) {
            std::swap(g.h, g.w);
            std::swap(pattern.h, pattern.w);
            std::swap(pattern.shift.h, pattern.shift.w);
        }
        roles.push_back(roles_of(g, pattern));
    }
    const Planner planner(grid, options, std::move(roles),
                          options.schedule.empty() ? reference.schedule : options.schedule);
    planned.layout = planner.layout(1);
    if (options.budget) {
        const auto cycle = static_cast<int64_t>(planned.layout.cycle());
        const auto meets = [&](double scale) {
            return saving(planner.layout(scale), cycle).as_paper >= *options.budget;
        };
        const auto scale = largest_scale(kLeastScale, kMostScale, meets);
        require_valid(scale.has_value(), Field("budget", *options.budget), " is out of reach on a grid of ", grid,
                      " tokens: windows of single columns take ",
                      std::floor(saving(planner.layout(kLeastScale), cycle).as_paper * 10) / 10,
                      " times fewer multiply-adds than full attention; ask for no more than that, or cut the windows ",
                      "over whole frames as well with ", Field("frame-tokens"));
        planned.layout = planner.layout(*scale);
    }
    check_layout(planned.layout, "the planned layout");
    for (size_t i = 0; i < planned.layout.patterns.size(); ++i) {
        if (planned.layout.patterns[i] == kFull) planned.whole.push_back(static_cast<int64_t>(i));
    }
    return planned;
}

}  // namespace t3video::t3
