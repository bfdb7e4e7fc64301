// Values of single frames as curves.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "evaluation/results.h"

namespace t3video::evaluation {

struct CurveOfFilm {
    std::string name;  // of the set
    int hue = 0;
    const FilmResult* film = nullptr;
};

// A <figure> for each metric that has parts of at least one of the films, with a curve for each of these.
std::string curves_of_films(std::span<const CurveOfFilm> films, std::span<const Metric* const> metrics);

}  // namespace t3video::evaluation
