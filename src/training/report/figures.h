// The curves of a run.
#pragma once

#include <vector>

#include "training/report/log_entries.h"
#include "report/plot.h"

namespace t3video::training {

// Loss, validation, rate, norm, seconds, memory, and loss by noise level. Without updates and validations: none.
std::vector<report::Plot> plots_of(const Log& log);

}  // namespace t3video::training
