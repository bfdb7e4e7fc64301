// Each plot from the members of the log that it shows.
#include "training/report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "report/html.h"
#include "training/report/summary.h"

namespace t3video::training {

using namespace report;
namespace {

constexpr int kBlue = 14, kTeal = 11, kOrange = 2;

std::vector<PlotPoint> points_of(const Log& log, double Log::Update::*member, double unit = 1) {
    std::vector<PlotPoint> points;
    points.reserve(log.updates.size());
    for (const Log::Update& update : log.updates)
        points.push_back({static_cast<double>(update.update), update.*member / unit});
    return points;
}

// Where one stage ends and the next begins.
std::vector<Border> borders_of(const Log& log) {
    std::vector<Border> borders;
    int64_t updates = 0;
    for (size_t i = 0; i + 1 < log.run.stages.size(); ++i) {
        updates += log.run.stages[i].updates;
        if (updates <= log.last_update())
            borders.push_back({static_cast<double>(updates), fmt::format("stage {}", i + 2)});
    }
    return borders;
}

// Single values behind their running mean.
void add_values_and_mean(Plot& plot, const Log& log, std::vector<PlotPoint> points, int hue) {
    const size_t window = averaged_updates(log);
    std::vector<PlotPoint> means = running_mean(points, window);
    const double now = means.empty() ? Log::kNone : means.back().y;
    plot.note = fmt::format("now {}", readable(now));
    plot.curves.push_back({.name = points.size() > kMostPoints ? "lowest and highest" : "each update",
                           .points = std::move(points),
                           .form = Curve::Form::dots,
                           .hue = hue,
                           .faint = true});
    plot.curves.push_back({.name = fmt::format("mean of {}", window), .points = std::move(means), .hue = hue});
}

// A linear scale shows ordinary values best, but for one that is far above them.
Scale scale_for(const std::vector<PlotPoint>& points) {
    std::vector<double> values;
    for (const PlotPoint& point : points) {
        if (point.is_drawn()) values.push_back(point.y);
    }
    if (values.empty()) return Scale::linear;
    std::ranges::sort(values);
    constexpr double kFar = 8;
    return values[values.size() / 2] > 0 && values.front() > 0 && values.back() > kFar * values[values.size() / 2]
               ? Scale::logarithmic
               : Scale::linear;
}

Plot loss_plot(const Log& log) {
    Plot plot{.title = "Training loss", .scale = Scale::logarithmic, .borders = borders_of(log)};
    add_values_and_mean(plot, log, points_of(log, &Log::Update::loss), kBlue);
    for (const Log::Update& update : log.updates) {
        if (update.skipped || !std::isfinite(update.loss)) plot.marks.push_back(static_cast<double>(update.update));
    }
    plot.marks_name = "skipped, or not finite";
    return plot;
}

// Values of the validations, with a gap where a stage with other clips begins.
std::vector<PlotPoint> validated(const Log& log, auto&& value_of) {
    std::vector<PlotPoint> points;
    for (const Log::Validation& validation : log.validations) {
        const auto update = static_cast<double>(validation.update);
        const bool begins = !points.empty() && validation.stage != (&validation - 1)->stage;
        if (begins) points.push_back({update, Log::kNone});
        points.push_back({update, value_of(validation)});
    }
    return points;
}

Plot validation_plot(const Log& log) {
    std::set<double> sigmas;
    for (const Log::Validation& validation : log.validations) {
        for (const auto& [sigma, loss] : validation.losses) sigmas.insert(sigma);
    }
    Plot plot{.title = "Validation loss", .scale = Scale::logarithmic, .borders = borders_of(log)};
    if (!log.validations.empty()) plot.note = "mean now " + readable(log.validations.back().mean);
    // From blue for little noise to orange for much.
    constexpr int kHues = 24, kFromBlueToOrange = kHues + kOrange - kBlue;
    size_t i = 0;
    for (const double sigma : sigmas) {
        const auto last = std::max<size_t>(1, sigmas.size() - 1);
        const int hue = (kBlue + static_cast<int>(kFromBlueToOrange * i++ / last)) % kHues;
        plot.curves.push_back({.name = "σ " + readable(sigma),
                               .points = validated(log,
                                                   [&](const Log::Validation& validation) {
                                                       for (const auto& [at, loss] : validation.losses) {
                                                           if (at == sigma) return loss;
                                                       }
                                                       return Log::kNone;
                                                   }),
                               .form = Curve::Form::markers,
                               .hue = hue});
    }
    plot.curves.push_back({.name = "mean",
                           .points = validated(log, [](const Log::Validation& v) { return v.mean; }),
                           .form = Curve::Form::markers});
    return plot;
}

Plot rate_plot(const Log& log) {
    Plot plot{.title = "Learning rate", .from_zero = true, .borders = borders_of(log)};
    plot.curves.push_back({.points = points_of(log, &Log::Update::rate), .hue = kTeal});
    if (!log.updates.empty()) plot.note = "now " + readable(log.updates.back().rate);
    return plot;
}

Plot norm_plot(const Log& log) {
    Plot plot{.title = "Gradient norm", .scale = Scale::logarithmic, .borders = borders_of(log)};
    add_values_and_mean(plot, log, points_of(log, &Log::Update::norm), kOrange);
    return plot;
}

Plot seconds_plot(const Log& log, const Summary& summary) {
    const std::vector<PlotPoint> seconds = points_of(log, &Log::Update::seconds);
    Plot plot{.title = "Seconds per update",
              .scale = scale_for(seconds),
              .from_zero = true,
              .levels = {{summary.planned_seconds, "planned"}},
              .borders = borders_of(log)};
    plot.curves.push_back({.points = seconds, .hue = kTeal});
    plot.note = "now " + readable(summary.seconds);
    return plot;
}

Plot memory_plot(const Log& log, const Summary& summary) {
    constexpr double kMiB = 1 << 20, kGiB = 1 << 30;
    const bool in_gib = summary.peak_bytes >= kGiB || log.run.planned_bytes >= kGiB;
    const double unit = in_gib ? kGiB : kMiB;
    Plot plot{.title = in_gib ? "Memory in GiB" : "Memory in MiB",
              .from_zero = true,
              .levels = {{log.run.planned_bytes / unit, "planned"}},
              .borders = borders_of(log)};
    plot.curves.push_back({.points = points_of(log, &Log::Update::memory_bytes, unit), .hue = kBlue});
    plot.note = "peak " + readable(summary.peak_bytes / unit);
    return plot;
}

// Samples of both halves of the run, evenly taken: losses scatter because noise levels do.
Plot sigma_plot(const Log& log) {
    std::vector<PlotPoint> all;
    size_t early = 0;
    for (const Log::Update& update : log.updates) {
        for (size_t i = 0; i < update.sigmas.size(); ++i) all.push_back({update.sigmas[i], update.losses[i]});
        if (update.update <= log.last_update() / 2) early = all.size();
    }
    const auto some = [&](size_t begin, size_t end) {
        std::vector<PlotPoint> points;
        const size_t count = std::min(end - begin, kMostPoints / 2);
        for (size_t i = 0; i < count; ++i) points.push_back(all[begin + i * (end - begin) / count]);
        return points;
    };
    Plot plot{.title = "Loss by noise level",
              .note = "why the training loss scatters",
              .x_name = "noise level σ",
              .whole_x = false,
              .scale = Scale::logarithmic};
    const auto add = [&](const char* name, size_t begin, size_t end, int hue) {
        if (begin == end) return;
        plot.curves.push_back({.name = name, .points = some(begin, end), .form = Curve::Form::dots, .hue = hue});
    };
    add("first half of the run", 0, early, kOrange);
    add("second half", early, all.size(), kBlue);
    return plot;
}

}  // namespace

std::vector<Plot> plots_of(const Log& log) {
    const Summary summary = summary_of(log);
    std::vector<Plot> plots;
    if (!log.updates.empty()) plots.push_back(loss_plot(log));
    if (!log.validations.empty()) plots.push_back(validation_plot(log));
    if (!log.updates.empty()) {
        plots.push_back(rate_plot(log));
        plots.push_back(norm_plot(log));
        plots.push_back(seconds_plot(log, summary));
        plots.push_back(memory_plot(log, summary));
        plots.push_back(sigma_plot(log));
    }
    for (Plot& plot : plots) plot.last_x = static_cast<double>(log.last_update());  // so that all axes are alike
    return plots;
}

}  // namespace t3video::training
