// What an evaluation found: numbers of films, of sets of films, and how sets differ.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "evaluation/meter.h"

namespace t3video::evaluation {

struct FilmShape {
    int64_t width = 0, height = 0;
    int64_t frames = 0;
    double fps = 0;  // 0 where the film has none
};

// What an external scorer said of a film.
struct Score {
    std::string scorer;  // its name
    double value = 0;    // not finite where it failed
    std::string note;    // why
};

struct FilmResult {
    std::string name;                 // by which films of sets are matched: "00003"
    std::filesystem::path film;       // a video, a folder of pictures, or latents
    std::filesystem::path reference;  // empty where there is none
    std::string prompt;               // empty where unknown
    FilmShape shape;
    std::vector<Value> values;
    std::vector<Score> scores;
    std::string error;         // why nothing could be measured; then there are no values
    std::string not_compared;  // why there was no comparing; empty where there was, or no reference
};

// A prompt of a list that a set has no film of.
struct MissingFilm {
    std::string name, prompt;
};

// Films of one kind: of one model, one layout, one step of a training.
struct SetResult {
    std::string name;
    std::filesystem::path path;
    std::vector<FilmResult> films;
    std::vector<MissingFilm> missing = {};
};

// An external scorer: a command that gets a film and a prompt and prints a number.
struct Scorer {
    std::string name, command;
};

struct Evaluation {
    std::string title;
    std::string version;    // of the program
    std::string reference;  // name of the set, or path of the film, that others were compared with; empty: none
    std::vector<SetResult> sets;
    std::vector<Scorer> scorers;
    std::vector<const Metric*> metrics;     // that were asked for and could be measured, in order
    std::vector<const Metric*> unmeasured;  // that were asked for by their names, and that no film has a number of
    int64_t left = 0;                       // films that a stop left unmeasured; they are not in the sets
};

}  // namespace t3video::evaluation
