// Solvers by name, each with the schedule that belongs to it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sampling/sampler.h"

namespace t3video::sampling {

// How few-step students of a rule are sampled where nobody says otherwise: without guidance.
struct StudentSettings {
    int64_t steps = 4;
    double shift = 5, cfg = 1;
};

struct Solver {
    std::string name;
    // Runs the steps of a schedule from `start`; returns the clean sample. `noise` is asked by rules that put fresh
    // noise on the sample, those of students; others take none.
    std::function<Tensor(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
                         const StepObserver& observer, const NoiseDraws& noise)>
        run;
    std::function<Schedule(const ScheduleOptions& options)> schedule;
    std::optional<StudentSettings> students = {};  // of rules that only students of few steps follow
    // The state that a run of pure noise starts with; empty: the noise itself.
    std::function<SampleState(Context& ctx, const Tensor& noise, const Schedule& schedule)> begin = {};

    Tensor solve(Context& ctx, const Denoiser& denoiser, SampleState from, const Schedule& levels,
                 const StepObserver& observer = {}, const NoiseDraws& noise = {}) const {
        return run(ctx, denoiser, std::move(from), levels, observer, noise);
    }
    SampleState start(Context& ctx, const Tensor& noise, const Schedule& levels) const {
        if (begin) return begin(ctx, noise, levels);
        return {.x = noise};
    }
};

// Solver::run of a function that asks for no noise.
template <class Solve>
auto without_noise(Solve solve) {
    return [solve](Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
                   const StepObserver& observer,
                   const NoiseDraws&) { return solve(ctx, denoiser, std::move(start), schedule, observer); };
}

// For models of many steps, as users name them: euler (T3's), unipc and dpm++ (official Wan's).
std::span<const Solver> solvers();
// One of those, or a rule of students, whose settings may follow: renoise (sampling/renoise.h), rcm (sampling/rcm.h).
// Throws InvalidRequest listing the known names. Those of diffusers: sampling/diffusers_solver.h.
Solver find_solver(std::string_view name);

}  // namespace t3video::sampling
