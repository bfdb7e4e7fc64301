// What an evaluation says on a terminal.
#pragma once

#include "evaluation/results.h"

namespace t3video::apps {

// A row for each metric and scorer, a column for each set: means, with half the width of their 95 % interval.
void print_means(const evaluation::Evaluation& evaluation);

// Every metric, as docs/metrics.md has it.
void print_metrics();

}  // namespace t3video::apps
