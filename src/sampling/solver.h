// Solvers by name, each with the schedule that belongs to it.
#pragma once

#include <span>
#include <string_view>

#include "sampling/sampler.h"

namespace t3video::sampling {

struct Solver {
    std::string_view name;
    // Runs the steps of a schedule from `start`; returns the clean sample.
    Tensor (*solve)(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
                    const StepObserver& observer);
    Schedule (*schedule)(const ScheduleOptions& options);
};

// As users name them: euler (T3's), unipc and dpm++ (official Wan's).
std::span<const Solver> solvers();
// Throws InvalidRequest listing the known names.
const Solver& find_solver(std::string_view name);

// The solver and schedule that a diffusers folder asks for by `_class_name` in scheduler/scheduler_config.json; the
// shift stands there too, as "flow_shift" (UniPC) or "shift" (flow match). Throws InvalidRequest listing the known
// classes.
const Solver& find_diffusers_solver(std::string_view class_name);

}  // namespace t3video::sampling
