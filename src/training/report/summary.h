// What a log says in a few numbers, and what about it should make somebody look.
#pragma once

#include <string>
#include <vector>

#include "training/report/log_entries.h"

namespace t3video::training {

// NaN: not known.
struct Summary {
    int64_t done = 0, planned = 0;                      // updates
    int64_t stage = 0;                                  // from 0 on, of the last update
    double seconds = Log::kNone;                        // of an update: the median of the last ones of this stage
    double planned_seconds = Log::kNone;                // of an update: the mean over all
    double spent = 0, left = Log::kNone;                // seconds in updates
    double first_loss = Log::kNone, loss = Log::kNone;  // means over the first and the last updates of this stage
    int64_t skipped = 0;
    double peak_bytes = Log::kNone;
};

// Updates that a mean of the loss goes over: a twentieth of them, 5 to 500.
size_t averaged_updates(const Log& log);

// What is left is estimated from this stage's median; updates of later stages take longer in proportion to the tokens
// of their clips.
Summary summary_of(const Log& log);

// The validation that a later one of the same stage, which has the same clips, is compared with: the first of these.
const Log::Validation* first_validation_like(const Log& log, const Log::Validation& last);

enum class Concern { serious, warning };
struct Finding {
    Concern concern;
    std::string text;
};

// Below this share the outputs count as those of the base: the run changes nothing that can be seen.
constexpr double kUnmovedShare = 0.001;

// The serious ones first; none where the run is well.
std::vector<Finding> findings_of(const Log& log, const Summary& summary);

}  // namespace t3video::training
