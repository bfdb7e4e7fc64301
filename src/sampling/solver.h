// Solvers by name, each with the schedule that belongs to it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "sampling/sampler.h"

namespace t3video::sampling {

struct Solver {
    std::string name;
    // Runs the steps of a schedule from `start`; returns the clean sample.
    std::function<Tensor(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
                         const StepObserver& observer)>
        solve;
    std::function<Schedule(const ScheduleOptions& options)> schedule;
};

// As users name them: euler (T3's), unipc and dpm++ (official Wan's).
std::span<const Solver> solvers();
// Throws InvalidRequest listing the known names. Those of diffusers: sampling/diffusers_solver.h.
const Solver& find_solver(std::string_view name);

}  // namespace t3video::sampling
