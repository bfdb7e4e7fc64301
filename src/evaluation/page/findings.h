// What people should know of an evaluation before they read its numbers.
#pragma once

#include <string>

#include "evaluation/results.h"

namespace t3video::evaluation {

// As parts of a page: films that could not be read, values that could not be told, scorers that failed, films that
// have no counterpart or were not compared; then in which metrics sets differ from the reference set. Counted, with names
// and reasons.
std::string findings_of(const Evaluation& evaluation);

}  // namespace t3video::evaluation
