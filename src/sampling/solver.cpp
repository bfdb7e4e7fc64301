// Solvers by name.
#include "sampling/solver.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "sampling/dpmpp.h"
#include "sampling/euler.h"
#include "sampling/unipc.h"

namespace t3video::sampling {
namespace {

constexpr Solver kSolvers[] = {
    {"euler", euler, flow_match_schedule},
    {"unipc", unipc, unipc_schedule},
    {"dpm++", dpmpp, dpmpp_schedule},
};

constexpr Solver kDiffusersSolvers[] = {
    {"UniPCMultistepScheduler", unipc, diffusers_unipc_schedule},
    {"FlowMatchEulerDiscreteScheduler", euler, diffusers_flow_match_schedule},
};

const Solver& find(std::span<const Solver> known, std::string_view name, std::string_view kind) {
    const auto found = std::ranges::find(known, name, &Solver::name);
    if (found != known.end()) return *found;
    std::string names;
    for (const Solver& solver : known) names += concat(names.empty() ? "" : ", ", solver.name);
    throw InvalidRequest(concat("unknown ", kind, " '", name, "', expected one of: ", names));
}

}  // namespace

std::span<const Solver> solvers() {
    return kSolvers;
}

const Solver& find_solver(std::string_view name) {
    return find(kSolvers, name, "solver");
}

const Solver& find_diffusers_solver(std::string_view class_name) {
    return find(kDiffusersSolvers, class_name, "scheduler class");
}

}  // namespace t3video::sampling
