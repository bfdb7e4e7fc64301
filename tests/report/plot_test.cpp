// Curves that stay short, round ticks, and values where the ticks say they are.
#include "report/plot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <regex>

namespace t3video::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<PlotPoint> points_of(size_t count, auto&& value_of) {
    std::vector<PlotPoint> points;
    for (size_t i = 0; i < count; ++i) points.push_back({double(i), value_of(i)});
    return points;
}

std::vector<std::string> labels_of(const std::vector<Tick>& ticks) {
    std::vector<std::string> labels;
    for (const Tick& tick : ticks) labels.push_back(tick.label);
    return labels;
}

using Labels = std::vector<std::string>;

// All matches of the first group.
std::vector<std::string> found(const std::string& text, const std::string& pattern) {
    const std::regex regex(pattern);
    std::vector<std::string> all;
    for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
        all.push_back((*match)[1]);
    return all;
}

// The places of a path's M and L commands.
std::vector<PlotPoint> places_of(const std::string& path) {
    const std::regex regex("[ML]([0-9.]+) ([0-9.]+)");
    std::vector<PlotPoint> places;
    for (std::sregex_iterator match(path.begin(), path.end(), regex), end; match != end; ++match)
        places.push_back({std::stod((*match)[1]), std::stod((*match)[2])});
    return places;
}

// The data of the first path of that class. By hand: std::regex recurses for every character of a match.
std::string path_of(const std::string& figure, const std::string& form) {
    const size_t path = figure.find("<path class=\"" + form), begin = figure.find(" d=\"", path) + 4;
    return path == std::string::npos ? std::string() : figure.substr(begin, figure.find('"', begin) - begin);
}

// Places of labelled ticks along an axis, "x" or "y", by value.
std::map<double, double> tick_places(const std::string& figure, const std::string& axis) {
    const std::regex regex("<text class=\"" + axis + "\" x=\"([0-9.]+)\" y=\"([0-9.]+)\">(-?[0-9][0-9.e,-]*)</text>");
    std::map<double, double> places;
    for (std::sregex_iterator match(figure.begin(), figure.end(), regex), end; match != end; ++match) {
        std::string label = (*match)[3];
        std::erase(label, ',');
        places[std::stod(label)] = std::stod((*match)[axis == "x" ? 1 : 2]);
    }
    return places;
}

TEST(Curve, RunningMeanPassesOverGaps) {
    const auto means = running_mean({{1, 2}, {2, 4}, {3, kNaN}, {4, 9}, {5, kInfinity}, {6, kNaN}, {7, 1}}, 2);
    ASSERT_EQ(means.size(), 7u);
    EXPECT_EQ(means[0].y, 2);
    EXPECT_EQ(means[1].y, 3);
    EXPECT_EQ(means[2].y, 4);
    EXPECT_EQ(means[3].y, 9);
    EXPECT_EQ(means[4].y, 9);
    EXPECT_TRUE(std::isnan(means[5].y));
    EXPECT_EQ(means[6].y, 1);
    EXPECT_EQ(means[6].x, 7);
}

TEST(Curve, ThinningKeepsPeaksAndGaps) {
    auto points = points_of(20000, [](size_t i) { return std::sin(double(i)); });
    points[7777].y = 1000;
    points[12345].y = -50;
    points[50].y = kNaN;  // among others
    for (size_t i = 15000; i < 16000; ++i) points[i].y = kNaN;
    const auto few = thinned(points, 800);
    EXPECT_LE(few.size(), 800u);
    EXPECT_GE(few.size(), 700u);
    const auto holds = [&](double x, double y) {
        return std::ranges::any_of(few, [&](const auto& point) { return point.x == x && point.y == y; });
    };
    EXPECT_TRUE(holds(7777, 1000));
    EXPECT_TRUE(holds(12345, -50));
    EXPECT_TRUE(std::ranges::is_sorted(few, {}, &PlotPoint::x));
    for (const auto& [x, y] : few) EXPECT_EQ(std::isnan(y), x >= 15000 && x < 16000) << x;
    EXPECT_EQ(thinned(points_of(800, [](size_t i) { return double(i); }), 800).size(), 800u);
}

TEST(Ticks, LinearOnesAreRound) {
    const auto labels = [](double low, double high, int most, double least = 0) {
        return labels_of(ticks_of(low, high, Scale::linear, most, least));
    };
    EXPECT_EQ(labels(0, 10, 5), (Labels{"0", "2", "4", "6", "8", "10"}));
    EXPECT_EQ(labels(1, 20000, 6), (Labels{"5,000", "10,000", "15,000", "20,000"}));
    EXPECT_EQ(labels(0, 1, 5), (Labels{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
    EXPECT_EQ(labels(0.98, 1.01, 3), (Labels{"0.98", "0.99", "1.00", "1.01"}));
    EXPECT_EQ(labels(0, 2e-5, 4), (Labels{"0", "5e-6", "1e-5", "1.5e-5", "2e-5"}));
    EXPECT_EQ(labels(-3, 3, 3), (Labels{"-2", "0", "2"}));
    EXPECT_EQ(labels(0, 2, 6, 1), (Labels{"0", "1", "2"}));  // counted
}

TEST(Ticks, LogarithmicOnesFollowTheSpan) {
    const auto labels = [](double low, double high) { return labels_of(ticks_of(low, high, Scale::logarithmic, 5)); };
    EXPECT_EQ(labels(0.05, 200), (Labels{"0.1", "1", "10", "100"}));
    EXPECT_EQ(labels(1e-12, 1e3).size(), 4u);
    EXPECT_EQ(labels(0.04, 0.6), (Labels{"0.05", "0.1", "0.2", "0.5"}));
    EXPECT_EQ(labels(0.21, 0.29), (Labels{"0.22", "0.24", "0.26", "0.28"}));
}

TEST(Plot, ValuesLieWhereTheTicksSay) {
    for (const Scale scale : {Scale::linear, Scale::logarithmic}) {
        Plot plot{.title = "t", .scale = scale};
        plot.curves.push_back({.points = points_of(101, [](size_t i) { return std::pow(10.0, double(i) / 25 - 2); })});
        const std::string figure = figure_of(plot);
        const auto across = tick_places(figure, "x"), up = tick_places(figure, "y");
        const auto places = places_of(path_of(figure, "line"));
        ASSERT_EQ(places.size(), 101u);
        ASSERT_EQ(across.count(20), 1u) << figure;
        EXPECT_NEAR(places[20].x, across.at(20), 0.11);
        EXPECT_NEAR(places[100].x, across.at(100), 0.11);
        ASSERT_GE(up.size(), 3u);
        const auto low = *std::next(up.begin()), high = *up.rbegin();
        const auto scaled = [&](double y) { return scale == Scale::linear ? y : std::log10(y); };
        for (size_t i = 0; i < places.size(); ++i) {
            const double share =
                (scaled(plot.curves[0].points[i].y) - scaled(low.first)) / (scaled(high.first) - scaled(low.first));
            EXPECT_NEAR(places[i].y, low.second + share * (high.second - low.second), 0.25) << i;
        }
        EXPECT_LT(high.second, low.second);  // larger values are higher up
    }
}

TEST(Plot, AllIsInsideTheFrame) {
    Plot plot{.title = "t", .from_zero = true, .levels = {{50, "planned"}, {kNaN, "unknown"}}};
    plot.curves.push_back({.points = {{1, 3}, {2, 7}, {3, 5}}});
    const std::string figure = figure_of(plot);
    EXPECT_EQ(tick_places(figure, "y").begin()->first, 0);
    for (const std::string& y : found(figure, "[ML][0-9.]+ ([0-9.]+)")) {
        EXPECT_GE(std::stod(y), 0);
        EXPECT_LE(std::stod(y), 230);
    }
    EXPECT_NE(figure.find(">planned<"), std::string::npos);
    EXPECT_EQ(figure.find("unknown"), std::string::npos);
}

TEST(Plot, CountedAxesBeginAtNoneAndEndTogether) {
    Plot plot{.title = "t", .last_x = 40};
    plot.curves.push_back({.points = {{10, 1}, {20, 2}}});
    const auto across = tick_places(figure_of(plot), "x");
    EXPECT_EQ(across.begin()->first, 0);
    EXPECT_EQ(across.rbegin()->first, 40);
    plot = {.title = "t"};
    plot.curves.push_back({.points = {{0, 1}}});
    const auto one = tick_places(figure_of(plot), "x");
    ASSERT_EQ(one.size(), 2u);
    EXPECT_EQ(one.begin()->first, 0);
    EXPECT_EQ(one.rbegin()->first, 1);
}

TEST(Plot, GapsBreakALine) {
    Plot plot{.title = "t", .scale = Scale::logarithmic};
    plot.curves.push_back(
        {.points = {{1, 1}, {2, 2}, {3, kNaN}, {4, 4}, {5, kInfinity}, {6, -1}, {7, 0}, {8, 8}, {9, 9}}});
    const std::string figure = figure_of(plot);
    const std::string line = path_of(figure, "line");
    EXPECT_EQ(std::ranges::count(line, 'M'), 3);
    EXPECT_EQ(places_of(line).size(), 5u);
    EXPECT_EQ(places_of(path_of(figure, "ends")).size(), 1u);  // the value that stands alone
    for (const char* word : {"nan", "inf"}) EXPECT_EQ(figure.find(word), std::string::npos) << word;
}

TEST(Plot, ValuesThatAreAllAlikeOrAbsent) {
    for (const Scale scale : {Scale::linear, Scale::logarithmic}) {
        for (const double value : {0.0, 2e-5, 1.0, 1e12, 1e300}) {
            Plot plot{.title = "t", .scale = scale};
            plot.curves.push_back({.points = {{7, value}}});
            const std::string figure = figure_of(plot);
            for (const char* word : {"nan", "inf"}) EXPECT_EQ(figure.find(word), std::string::npos) << value;
            const bool is_drawn = scale == Scale::linear || value > 0;
            EXPECT_EQ(figure.find("<svg") != std::string::npos, is_drawn);
            EXPECT_EQ(figure.find("No value yet.") != std::string::npos, !is_drawn);
            EXPECT_GE(tick_places(figure, "y").size(), is_drawn ? 2u : 0u) << value << figure;
        }
    }
    Plot none{.title = "t"};
    none.curves.push_back({.points = {{1, kNaN}, {2, kNaN}}});
    EXPECT_NE(figure_of(none).find("No value yet."), std::string::npos);
}

// Of many values the range of each bin is drawn, and the highest one is where it belongs.
TEST(Plot, ManyValuesStaySmallAndKeepTheirPeak) {
    Plot plot{.title = "t", .scale = Scale::logarithmic};
    plot.curves.push_back({.points = points_of(20001, [](size_t i) { return i == 10000 ? 1000.0 : 1 + double(i % 7); }),
                           .form = Curve::Form::dots});
    const std::string figure = figure_of(plot);
    EXPECT_LT(figure.size(), 20000u);
    const auto across = tick_places(figure, "x"), up = tick_places(figure, "y");
    const std::regex bar("M([0-9.]+) ([0-9.]+)V([0-9.]+)");
    const std::string path = path_of(figure, "range");
    double top = 1e9, at = 0;
    size_t bars = 0;
    for (std::sregex_iterator match(path.begin(), path.end(), bar), end; match != end; ++match, ++bars) {
        const double high = std::min(std::stod((*match)[2]), std::stod((*match)[3]));
        if (high < top) {
            top = high;
            at = std::stod((*match)[1]);
        }
    }
    EXPECT_EQ(bars, kMostPoints / 2);
    EXPECT_NEAR(top, up.at(1000), 1);
    EXPECT_NEAR(at, (across.begin()->second + across.rbegin()->second) / 2, 2);
}

TEST(Plot, TextIsEscapedAndMarksAreFew) {
    Plot plot{.title = "<script>\"&'", .note = "<b>", .x_name = "<i>", .borders = {{5, "<u>"}}, .marks_name = "<s>"};
    plot.curves.push_back({.name = "<em>", .points = points_of(10, [](size_t i) { return double(i); })});
    for (int i = 0; i < 100000; ++i) plot.marks.push_back(double(i) * 1e-4);
    const std::string figure = figure_of(plot);
    for (const char* tag : {"<script", "<b>\"", "<i>", "<u>", "<s>", "<em>"})
        EXPECT_EQ(figure.find(tag), std::string::npos) << tag;
    EXPECT_NE(figure.find("&lt;script&gt;&quot;&amp;&#39;"), std::string::npos);
    EXPECT_NE(figure.find("&lt;u&gt;"), std::string::npos);
    const std::string marks = path_of(figure, "marks");
    EXPECT_LE(std::ranges::count(marks, 'M'), 800);
    EXPECT_GE(std::ranges::count(marks, 'M'), 400);
}

}  // namespace
}  // namespace t3video::report
