// Means of sets side by side, as pictures.
#pragma once

#include <string>
#include <vector>

#include "evaluation/statistics.h"

namespace t3video::evaluation {

struct IntervalRow {
    std::string name;
    Mean mean;
    int hue = 0;  // as a curve's of report/plot.h
};

// Of the set at that place; neutral for the reference. Neighbours differ, and 24 sets do.
int hue_of_set(size_t index, bool is_reference);
// "hue14" or "neutral": the class that gives a colour.
std::string colour_class(int hue);

// A <figure>: for each set its mean as a dot and its interval as a line, on one scale. Empty where no set has a mean.
std::string interval_figure(const std::string& title, const std::string& note, const std::vector<IntervalRow>& rows);

// "31.24 ± 0.37": with two digits of the half-width of the interval, without it the mean alone; "–" for no number.
std::string mean_text(const Mean& mean);
// The same with a sign: "−0.31 ± 0.12".
std::string difference_text(const Mean& difference);

}  // namespace t3video::evaluation
