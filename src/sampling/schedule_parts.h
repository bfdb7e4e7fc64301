// The pieces the schedules are made of; not for use outside this folder.
#pragma once

#include <cstdint>
#include <vector>

#include "sampling/schedule.h"

namespace t3video::sampling {

constexpr double kTrainTimesteps = 1000.0;  // t = 1000*sigma

enum class TimestepRule { exact, truncated };

// shift*s / (1 + (shift - 1)*s): maps [0, 1] onto itself.
double shifted(double s, double shift);

double rounded_to_float(double value);

// start + i*step for i = 0 .. steps-1: with the reference's order of operations, because truncated times depend on the
// last bit.
std::vector<double> descend(double start, double step, int64_t steps);

// Throws InvalidRequest as promised above; `name` is the schedule's, for the message about strength.
void check_options(const ScheduleOptions& options);
void check_full_strength(const ScheduleOptions& options, const char* name);

// Appends the final 0, derives the times and rounds both to float32. Throws InvalidRequest unless strictly decreasing.
Schedule make_schedule(std::vector<double> sigmas, TimestepRule rule, const ScheduleOptions& options);

}  // namespace t3video::sampling
