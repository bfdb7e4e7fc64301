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
#include "sampling/rcm.h"
#include "sampling/renoise.h"
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
    {"euler", without_noise(euler), flow_match_schedule},
    {"unipc", without_noise(usual<unipc>), unipc_schedule},
    {"dpm++", without_noise(usual<dpmpp>), dpmpp_schedule},
};

struct Rule {
    std::string_view name;
    Solver (*solver)(const SolverSettings& settings);
};
constexpr Rule kRules[] = {{"renoise", renoise_solver}, {"rcm", rcm_solver}};

}  // namespace

std::span<const Solver> solvers() {
    return kSolvers;
}

Solver find_solver(std::string_view name) {
    const auto found = std::ranges::find(kSolvers, name, &Solver::name);
    if (found != std::end(kSolvers)) return *found;
    const auto rule = std::ranges::find(kRules, name.substr(0, name.find(':')), &Rule::name);
    if (rule != std::end(kRules)) {
        try {
            return rule->solver(read_solver_name(name).settings);
        } catch (const InvalidRequest& error) {
            throw InvalidRequest(Message(Field("solver", name), ": ", error.message()));
        }
    }
    std::string names;
    for (const Solver& solver : kSolvers) names += concat(names.empty() ? "" : ", ", solver.name);
    for (const Rule& of : kRules) names += concat(", ", of.name);
    throw InvalidRequest(Message(Field("solver", name), ": expected one of: ", names,
                                 "; or a scheduler of diffusers: ", diffusers_classes()));
}

}  // namespace t3video::sampling
