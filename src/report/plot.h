// Curves over updates as pictures that are part of a page: SVG, coloured by the page's style.
#pragma once

#include <string>
#include <vector>

#include "report/curve.h"

namespace t3video::report {

enum class Scale { linear, logarithmic };

struct Curve {
    enum class Form {
        line,
        dots,     // each value; of many the range of each bin
        markers,  // a line with a mark at each value
    };
    static constexpr int kNeutral = -1;  // the colour of text

    std::string name;  // in the legend; empty: not listed
    std::vector<PlotPoint> points;
    Form form = Form::line;
    int hue = kNeutral;  // 0 to 23, in steps of 15 degrees: 0 is red, 8 green, 16 blue
    bool faint = false;  // behind another curve
};

struct Level {
    double y = 0;
    std::string name;
};

struct Border {
    double x = 0;
    std::string name;
};

struct Plot {
    std::string title;
    std::string note;  // beside the title: the last value, the unit
    std::string x_name = "update";
    bool whole_x = true;  // x is counted: the axis goes from 0 to `last_x` at least, without ticks between
    double last_x = 0;
    Scale scale = Scale::linear;  // of y; a logarithmic one shows positive values only
    bool from_zero = false;       // y, where it is linear
    std::vector<Curve> curves;    // later ones in front
    std::vector<Level> levels;    // dashed lines across; not drawn where they are not finite
    std::vector<Border> borders;  // thin upright lines
    std::vector<double> marks;    // x of what went wrong: ticks at the lower edge
    std::string marks_name;
};

// Values that a curve is drawn with at most.
constexpr size_t kMostPoints = 800;

struct Tick {
    double value = 0;
    std::string label;
};

// At most about `most` round values within [low, high], ascending: steps of 1, 2 or 5 times a power of ten, at least
// `least_step`. On a logarithmic scale powers of ten, over less than three of them 1, 2 and 5 times these, over still
// less linear steps.
std::vector<Tick> ticks_of(double low, double high, Scale scale, int most, double least_step = 0);

// A <figure>: title, legend, drawing. Without any value that can be drawn it says so.
std::string figure_of(const Plot& plot);

}  // namespace t3video::report
