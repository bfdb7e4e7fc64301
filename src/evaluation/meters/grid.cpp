// Seams and lattices of attention windows. A film is reduced to profiles: how much luma changes across each line
// between two columns, two rows or two frames of pixels, on average over all else. What is at the borders of windows is
// then held against what is elsewhere in the same profile.
#include "evaluation/meters/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "core/message.h"
#include "evaluation/meters/grid_profiles.h"

namespace t3video::evaluation {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A difference of luma, bent so that an edge of the picture, of a hundred levels, does not hide a hundred steps of one:
// |d| of small ones, kBend at most.
constexpr float kBend = 4;
float bent_difference(float a, float b) {
    const float difference = std::abs(a - b);
    return difference * kBend / (difference + kBend);
}

struct Cut {
    int64_t count, shift;
    bool close, remote;
};

Cut cut_of(const t3::Pattern& pattern, size_t axis) {
    const bool both = pattern.branches == t3::Branches::both;
    const bool close = both || pattern.branches == t3::Branches::close;
    const bool remote = both || pattern.branches == t3::Branches::remote;
    if (axis == 0) return {pattern.w, pattern.shift.w, close, remote};
    if (axis == 1) return {pattern.h, pattern.shift.h, close, remote};
    return {pattern.t, pattern.shift.t, close, remote};
}

// Sum over a row of |a - b|, in lanes that a compiler makes vectors of.
double sum_of_changes(const float* a, const float* b, int64_t count) {
    constexpr int64_t kLanes = 16;
    std::array<float, kLanes> lanes{};
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (int64_t lane = 0; lane < kLanes; ++lane)
            lanes[static_cast<size_t>(lane)] += bent_difference(a[i + lane], b[i + lane]);
    }
    double sum = 0;
    for (; i < count; ++i) sum += double(bent_difference(a[i], b[i]));
    for (const float lane : lanes) sum += double(lane);
    return sum;
}

class GridMeter final : public Meter {
  public:
    GridMeter(const FilmShape& shape, const FilmWindows& windows) : grid_(windows.layout.grid) {
        for (size_t i = 0; i < windows.layout.cycle(); ++i) patterns_.push_back(windows.layout.of_layer(int64_t(i)));
        const auto axis = [&](std::string_view name, int64_t tokens, int64_t side) {
            const int64_t cropped = (tokens * windows.cell - side) / 2;
            Axis made{name, "pixel", tokens, windows.cell, cropped, side, {}};
            made.profiles.push_back({1, std::vector<double>(static_cast<size_t>(side))});
            // The decoder makes a slope of a step between two tokens.
            if (windows.cell >= 8)
                made.profiles.push_back({windows.cell / 4, std::vector<double>(static_cast<size_t>(side))});
            return made;
        };
        axes_ = {axis("width", grid_.w, shape.width), axis("height", grid_.h, shape.height),
                 Axis{"time", "frame", grid_.t, 4, 3, 0, {{1, {0}}}}};
    }

    void take(const Frame& frame, const Frame*) override {
        ++frames_;
        if (too_large()) return;
        const int64_t width = frame.width(), height = frame.height();
        for (size_t p = 0; p < axes_[0].profiles.size(); ++p) {
            Profile &across = axes_[0].profiles[p], &down = axes_[1].profiles[p];
            const int64_t reach = across.reach;
            frame_sum_.assign(static_cast<size_t>(width), 0);
            float* sum = frame_sum_.data();
            for (int64_t y = 0; y < height; ++y) {
                const float* row = frame.row(y);
                for (int64_t x = reach; x <= width - reach; ++x)
                    sum[x] += bent_difference(row[x + reach - 1], row[x - reach]);
                if (y < 2 * reach - 1) continue;
                down.change[static_cast<size_t>(y - reach + 1)] +=
                    sum_of_changes(row, frame.row(y - 2 * reach + 1), width) / double(width);
            }
            for (size_t x = 0; x < frame_sum_.size(); ++x) across.change[x] += double(sum[x]) / double(height);
        }
        if (!cuts_time()) return;
        if (frames_ > 1) {
            const auto pixels = static_cast<int64_t>(last_.size());
            double sum = 0;
            for (int64_t y = 0; y < height; ++y) sum += sum_of_changes(frame.row(y), last_.data() + y * width, width);
            axes_[2].profiles[0].change.push_back(sum / double(pixels));
        }
        last_.assign(frame.luma.begin(), frame.luma.end());
    }

    std::vector<Value> values() override {
        const Metric *close = &grid_metrics()[0], *remote = &grid_metrics()[1];
        if (too_large() || frames_ == 0) {
            const std::string note =
                frames_ == 0 ? "there are no frames" : "the film is larger than the grid of its windows";
            return {{close, kNaN, note, {}}, {remote, kNaN, note, {}}};
        }
        for (size_t i = 0; i < 2; ++i) {
            for (Profile& profile : axes_[i].profiles) {
                for (double& change : profile.change) change /= double(frames_);
            }
        }
        axes_[2].side = frames_;
        Value seams{close, kNaN, "no borders of close windows can be told from those of tokens", {}};
        Value lattices{remote, kNaN, "no strides of remote windows can be told", {}};
        for (size_t i = 0; i < axes_.size(); ++i) {
            // A film of other frames than its grid has is another film.
            if (i == 2 && (!cuts_time() || frames_ != 4 * (grid_.t - 1) + 1)) continue;
            Marks all(static_cast<size_t>(axes_[i].tokens), false);
            for (const t3::Pattern& pattern : patterns_) {
                const Cut cut = cut_of(pattern, i);
                if (!cut.close || cut.count == axes_[i].tokens) continue;
                const Marks borders = close_borders(axes_[i].tokens, cut.count, cut.shift);
                for (size_t token = 0; token < all.size(); ++token) all[token] = all[token] || borders[token];
            }
            for (const t3::Pattern& pattern : patterns_) {
                const Cut cut = cut_of(pattern, i);
                if (cut.count == axes_[i].tokens) continue;
                if (cut.close) measure_close(axes_[i], pattern, cut, all, seams);
                if (cut.remote && cut.count > 1 && i < 2) measure_remote(axes_[i], pattern, cut, all, lattices);
            }
        }
        return {std::move(seams), std::move(lattices)};
    }

  private:
    bool too_large() const {
        return axes_[0].side > axes_[0].tokens * axes_[0].cell || axes_[1].side > axes_[1].tokens * axes_[1].cell;
    }
    bool cuts_time() const {
        return std::ranges::any_of(patterns_, [&](const t3::Pattern& pattern) {
            return pattern.branches != t3::Branches::remote && pattern.t < grid_.t &&
                   (pattern.t > 1 || pattern.shift.t > 0);
        });
    }

    static void keep_larger(Value& value, Finding found, const std::string& what) {
        if (std::isfinite(value.value) && found.times_chance <= value.value) return;
        value.value = found.times_chance;
        value.note = what;
        value.parts = std::move(found.series);
    }

    static void measure_close(const Axis& axis, const t3::Pattern& pattern, const Cut& cut, const Marks& all,
                              Value& value) {
        const Marks borders = close_borders(axis.tokens, cut.count, cut.shift);
        for (const Profile& profile : axis.profiles) {
            std::optional<Finding> found = find_seams(axis, profile, borders, all);
            // Patterns together may leave hardly a token's border to compare with.
            if (!found) found = find_seams(axis, profile, borders, borders);
            if (!found) continue;
            const double levels = found->levels;
            keep_larger(
                value, std::move(*found),
                fmt::format("largest along {}, pattern {}: {:.3f} levels above elsewhere, at a distance of {} {}{}",
                            axis.name, concat(pattern), levels, profile.step(), axis.unit,
                            profile.step() == 1 ? "" : "s"));
        }
    }

    static void measure_remote(const Axis& axis, const t3::Pattern& pattern, const Cut& cut, const Marks& close,
                               Value& value) {
        std::vector<double> texture = texture_of(axis);
        if (std::optional<Finding> found = find_period(texture, cut.count)) {
            const double levels = found->levels;
            keep_larger(value, std::move(*found),
                        fmt::format("largest along {}, pattern {}: texture varies by {:.3f} levels", axis.name,
                                    concat(pattern), levels));
        }
        if (std::optional<Finding> found = find_period(steps_of(axis, close), cut.count)) {
            const double levels = found->levels;
            keep_larger(value, std::move(*found),
                        fmt::format("largest along {}, pattern {}: steps between tokens vary by {:.3f} levels",
                                    axis.name, concat(pattern), levels));
        }
    }

    Grid grid_;
    std::vector<t3::Pattern> patterns_;  // of layers, in turn
    std::vector<Axis> axes_;             // width, height, time
    int64_t frames_ = 0;
    std::vector<float> frame_sum_;
    std::vector<float> last_;  // luma of the frame before, where time is cut
};

}  // namespace

std::unique_ptr<Meter> grid_meter(const FilmShape& shape, const FilmWindows& windows) {
    return std::make_unique<GridMeter>(shape, windows);
}

}  // namespace t3video::evaluation
