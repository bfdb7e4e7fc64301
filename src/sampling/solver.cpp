// Solvers by name.
#include "sampling/solver.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "core/error.h"
#include "sampling/diffusers_solver.h"
#include "sampling/dpmpp.h"
#include "sampling/euler.h"
#include "sampling/unipc.h"

namespace t3video::sampling {
namespace {

// A solver with its usual options.
template <auto solve>
Tensor usual(Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
             const StepObserver& observer) {
    return solve(ctx, denoiser, std::move(start), schedule, observer, {});
}

const Solver kSolvers[] = {
    {"euler", euler, flow_match_schedule},
    {"unipc", usual<unipc>, unipc_schedule},
    {"dpm++", usual<dpmpp>, dpmpp_schedule},
};

}  // namespace

std::span<const Solver> solvers() {
    return kSolvers;
}

const Solver& find_solver(std::string_view name) {
    const auto found = std::ranges::find(kSolvers, name, &Solver::name);
    if (found != std::end(kSolvers)) return *found;
    std::string names;
    for (const Solver& solver : kSolvers) names += concat(names.empty() ? "" : ", ", solver.name);
    throw InvalidRequest(concat("unknown solver '", name, "', expected one of: ", names,
                                "; or a scheduler of diffusers: ", diffusers_classes()));
}

}  // namespace t3video::sampling
