// diffusers' schedulers as solvers: which of their settings are followed.
#pragma once

#include <string>
#include <string_view>

#include "sampling/solver.h"
#include "sampling/solver_settings.h"

namespace t3video::sampling {

// Settings of a scheduler_config.json by name, as text: "solver_order" -> "3", "use_karras_sigmas" -> "true".
using SchedulerSettings = SolverSettings;

// The classes that are followed: "UniPCMultistepScheduler, ..."
std::string diffusers_classes();

// The name of a solver that find_diffusers_solver reads: the class, and behind a colon the settings that differ from
// the usual ones of a flow matching model, as in "UniPCMultistepScheduler:solver_order=3,use_karras_sigmas=true".
// Settings that the class does not have are ignored, as diffusers does. Throws InvalidRequest for an unknown class,
// listing those known, and for a setting that is not followed, naming it.
std::string diffusers_solver_name(std::string_view class_name, const SchedulerSettings& settings);

// The solver and schedule of such a name, or of a class alone. Throws InvalidRequest as above, and for settings that
// cannot be read.
Solver find_diffusers_solver(std::string_view name);

}  // namespace t3video::sampling
