// Round ticks, and drawing in a fixed frame of 440x230 units, which a page scales to its columns.
#include "report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/html.h"

namespace t3video::report {
namespace {

constexpr double kWidth = 440, kHeight = 230;
constexpr double kLeft = 46, kRight = kWidth - 20, kTop = 16, kBottom = kHeight - 36;
constexpr size_t kMany = 150;  // dots that are drawn small
constexpr int kTicksAcross = 6, kTicksUp = 5;

struct Range {
    double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

    bool is_empty() const { return low > high; }
    void add(double value) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
    // On a linear scale; values that are all alike get room around them.
    void widen(double share) {
        const double span = high - low, least = high != 0 ? std::abs(high) * 0.2 : 1;
        const double room = span > 1e-6 * std::abs(high) ? share * span : least;
        low -= room;
        high += room;
    }
};

// Where values lie in the drawing.
class Axis {
  public:
    Axis(Range range, Scale scale, double from, double to) : range_(range), scale_(scale), from_(from), to_(to) {}

    bool shows(double value) const { return std::isfinite(value) && (scale_ == Scale::linear || value > 0); }
    // NaN for what it does not show.
    double at(double value) const {
        if (!shows(value)) return std::numeric_limits<double>::quiet_NaN();
        const double place = scale_ == Scale::linear ? value : std::log10(value);
        return from_ + (place - range_.low) / (range_.high - range_.low) * (to_ - from_);
    }
    std::vector<Tick> ticks(int most, double least_step = 0) const {
        if (scale_ == Scale::linear) return ticks_of(range_.low, range_.high, scale_, most, least_step);
        return ticks_of(std::pow(10, range_.low), std::pow(10, range_.high), scale_, most);
    }

  private:
    Range range_;  // of logarithms on a logarithmic scale
    Scale scale_;
    double from_, to_;
};

std::string label_of(double value, double step, double largest) {
    if (value == 0) return "0";
    if (largest < 1e-3 || largest >= 1e7) return readable(value);
    const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
    return decimals > 0 ? fmt::format("{:.{}f}", value, decimals) : grouped(std::llround(value));
}

std::vector<Tick> linear_ticks(double low, double high, int most, double least_step) {
    const double raw = std::max((high - low) / most, least_step), power = std::pow(10, std::floor(std::log10(raw)));
    double step = 10 * power;
    for (const double factor : {5.0, 2.0, 1.0}) {
        if (factor * power >= raw * (1 - 1e-9)) step = factor * power;
    }
    std::vector<Tick> ticks;
    const double slack = 1e-9 * (high - low);
    for (double n = std::ceil((low - slack) / step); n * step <= high + slack; ++n)
        ticks.push_back({n * step, label_of(n * step, step, std::max(std::abs(low), std::abs(high)))});
    return ticks;
}

std::vector<Tick> logarithmic_ticks(double low, double high, int most) {
    const int first = static_cast<int>(std::ceil(std::log10(low) - 1e-9)),
              last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
    std::vector<Tick> ticks;
    if (const int powers = last - first + 1; powers >= 3) {
        const int step = (powers + most - 1) / most;
        for (int n = first; n <= last; n += step) ticks.push_back({std::pow(10, n), readable(std::pow(10, n))});
        return ticks;
    }
    for (int n = first - 1; n <= last; ++n) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double value = factor * std::pow(10, n);
            if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) ticks.push_back({value, readable(value)});
        }
    }
    return ticks.size() >= 3 ? ticks : linear_ticks(low, high, most, 0);
}

// Of a curve, in the page's style.
std::string look_of(const Curve& curve, const char* form) {
    return fmt::format("class=\"{} {}{}\"", form,
                       curve.hue == Curve::kNeutral ? std::string("neutral") : fmt::format("hue{}", curve.hue),
                       curve.faint ? " faint" : "");
}

class Drawing {
  public:
    Drawing(const Plot& plot, Axis x, Axis y) : plot_(plot), x_(x), y_(y) {}

    std::string text() {
        add("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", kWidth, kHeight, escaped(plot_.title));
        draw_frame();
        for (const Curve& curve : plot_.curves) draw(curve);
        for (const Level& level : plot_.levels) draw(level);
        draw_marks();
        return text_ + "</svg>";
    }

  private:
    template <class... Values>
    void add(fmt::format_string<Values...> format, Values&&... values) {
        text_ += fmt::format(format, std::forward<Values>(values)...);
    }

    void draw_frame() {
        std::string grid, labels;
        for (const auto& [value, label] : y_.ticks(kTicksUp)) {
            const double y = y_.at(value);
            grid += fmt::format("M{} {:.1f}H{}", kLeft, y, kRight);
            labels += fmt::format("<text class=\"y\" x=\"{}\" y=\"{:.1f}\">{}</text>", kLeft - 5, y, label);
        }
        for (const auto& [value, label] : x_.ticks(kTicksAcross, plot_.whole_x ? 1 : 0)) {
            const double x = x_.at(value);
            grid += fmt::format("M{:.1f} {}v4", x, kBottom);
            labels += fmt::format("<text class=\"x\" x=\"{:.1f}\" y=\"{}\">{}</text>", x, kBottom + 16, label);
        }
        add("<path class=\"grid\" d=\"{}\"/><path class=\"axis\" d=\"M{} {}H{}\"/>", grid, kLeft, kBottom, kRight);
        add("<g class=\"labels\">{}<text class=\"x\" x=\"{}\" y=\"{}\">{}</text></g>", labels, (kLeft + kRight) / 2,
            kBottom + 31, escaped(plot_.x_name));
        for (const auto& [value, name] : plot_.borders) {
            const double x = x_.at(value);
            if (!(x >= kLeft && x <= kRight)) continue;
            const bool on_left = x > (kLeft + kRight) / 2;  // of the line is the room for its name
            add("<path class=\"border\" d=\"M{0:.1f} {1}V{2}\"/>", x, kTop, kBottom);
            add("<text class=\"border{}\" x=\"{:.1f}\" y=\"{}\">{}</text>", on_left ? " left" : "",
                x + (on_left ? -3 : 3), kTop - 7, escaped(name));
        }
    }

    void draw(const Curve& curve) {
        std::vector<PlotPoint> places;
        places.reserve(curve.points.size());
        for (const PlotPoint& point : curve.points) places.push_back({x_.at(point.x), y_.at(point.y)});
        if (curve.form == Curve::Form::dots) return draw_dots(curve, places);
        places = thinned(places, kMostPoints);
        std::string line, ends;
        bool is_open = false;
        for (size_t i = 0; i < places.size(); ++i) {
            const PlotPoint& place = places[i];
            if (place.is_drawn()) {
                line += fmt::format("{}{:.1f} {:.1f}", is_open ? 'L' : 'M', place.x, place.y);
                // A value between two gaps has no line.
                const bool is_alone = !is_open && (i + 1 == places.size() || !places[i + 1].is_drawn());
                if (is_alone || curve.form == Curve::Form::markers)
                    ends += fmt::format("M{:.1f} {:.1f}h0", place.x, place.y);
            }
            is_open = place.is_drawn();
        }
        if (!line.empty()) add("<path {} d=\"{}\"/>", look_of(curve, "line"), line);
        if (!ends.empty()) add("<path {} d=\"{}\"/>", look_of(curve, "ends"), ends);
    }

    void draw_dots(const Curve& curve, const std::vector<PlotPoint>& places) {
        const bool is_range = places.size() > kMostPoints;
        std::string path;
        for (const auto& [first, second] : binned(places, is_range ? kMostPoints / 2 : kMostPoints)) {
            if (!first.is_drawn()) continue;
            path += fmt::format("M{:.1f} {:.1f}", first.x, first.y);
            path += is_range ? fmt::format("V{:.1f}", second.y) : "h0";
        }
        if (!path.empty())
            add("<path {} d=\"{}\"/>",
                look_of(curve, is_range                ? "range"
                               : places.size() > kMany ? "dots"
                                                       : "dots few"),
                path);
    }

    void draw(const Level& level) {
        const double y = y_.at(level.y);
        if (!std::isfinite(y)) return;
        add("<path class=\"level\" d=\"M{} {:.1f}H{}\"/>", kLeft, y, kRight);
        add("<text class=\"level\" x=\"{}\" y=\"{:.1f}\">{}</text>", kRight, y - 7, escaped(level.name));
    }

    void draw_marks() {
        std::string path;
        double last = -1;
        for (const double mark : plot_.marks) {
            const double x = x_.at(mark);
            if (!std::isfinite(x) || x < last + 0.5) continue;  // would lie on the one before
            path += fmt::format("M{:.1f} {}v-7", x, kBottom);
            last = x;
        }
        if (!path.empty()) add("<path class=\"marks\" d=\"{}\"/>", path);
    }

    const Plot& plot_;
    Axis x_, y_;
    std::string text_;
};

std::string legend_of(const Plot& plot) {
    std::string entries;
    for (const Curve& curve : plot.curves) {
        if (!curve.name.empty())
            entries += fmt::format("<li><i {}></i>{}</li>", look_of(curve, "swatch"), escaped(curve.name));
    }
    if (!plot.marks.empty()) entries += fmt::format("<li><i class=\"mark\"></i>{}</li>", escaped(plot.marks_name));
    return entries.empty() ? std::string() : fmt::format("<ul class=\"legend\">{}</ul>", entries);
}

}  // namespace

std::vector<Tick> ticks_of(double low, double high, Scale scale, int most, double least_step) {
    return scale == Scale::linear ? linear_ticks(low, high, most, least_step) : logarithmic_ticks(low, high, most);
}

std::string figure_of(const Plot& plot) {
    const bool is_log = plot.scale == Scale::logarithmic;
    const Axis any({0, 1}, plot.scale, 0, 1);
    Range across, up;
    for (const Curve& curve : plot.curves) {
        for (const auto& [x, y] : curve.points) {
            if (!std::isfinite(x)) continue;
            across.add(x);
            if (any.shows(y)) up.add(is_log ? std::log10(y) : y);
        }
    }
    const std::string head = fmt::format("<figcaption><b>{}</b> <span>{}</span></figcaption>{}", escaped(plot.title),
                                         escaped(plot.note), legend_of(plot));
    for (const double mark : plot.marks) across.add(mark);
    if (plot.whole_x && !across.is_empty()) {
        across.add(0);
        across.add(plot.last_x);
    }
    if (across.is_empty() || up.is_empty())
        return fmt::format("<figure>{}<p class=\"none\">No value yet.</p></figure>", head);
    for (const Level& level : plot.levels) {
        if (any.shows(level.y)) up.add(is_log ? std::log10(level.y) : level.y);
    }
    if (plot.from_zero && !is_log) up.low = std::min(up.low, 0.0);
    const bool has_floor = plot.from_zero && !is_log && up.low == 0 && up.high > 0;
    if (is_log && up.high - up.low < 0.05) {  // values that are all alike
        up.low -= 0.1;
        up.high += 0.1;
    }
    up.widen(0.06);
    if (has_floor) up.low = 0;
    if (across.high == across.low) across.high += plot.whole_x ? 1 : 0.1;
    return fmt::format(
        "<figure>{}{}</figure>", head,
        Drawing(plot, Axis(across, Scale::linear, kLeft, kRight), Axis(up, plot.scale, kBottom, kTop)).text());
}

}  // namespace t3video::report
