// External scorers: a command that gets a film and a prompt and prints a number.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "evaluation/results.h"

namespace t3video::evaluation {

// "dover=python3 dover.py" -> name and command. A name is lower-case letters, digits, "_" and "-", and no metric's.
// Throws InvalidRequest saying what is expected, also for a command behind which a further word would be a command of
// its own, as behind "cd /opt;": the film would be run.
Scorer parse_scorer(const std::string& text);

// Runs the command by /bin/sh with the film's path, from the root, as its first and the prompt as its second further
// word, also as T3VIDEO_FILM and T3VIDEO_PROMPT in its environment. The score is the last line that it prints on
// standard output, which must be a finite number. Whatever goes wrong is a score without a value, and its note says
// what in one line: how it ended and what it wrote last, what it printed instead, that it took longer than `seconds`.
// Throws Stopped.
Score score_film(const Scorer& scorer, const std::filesystem::path& film, const std::string& prompt, double seconds,
                 const std::stop_token& stop = {});

}  // namespace t3video::evaluation
