// Settings in the name of a solver, as in "renoise:timesteps=1000/750/500/250,warp=true".
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace t3video::sampling {

// By name, as text: "warp" -> "true".
using SolverSettings = std::map<std::string, std::string, std::less<>>;

struct NameAndSettings {
    std::string_view name;
    SolverSettings settings;
};
// Throws InvalidRequest for what is behind the colon and no NAME=VALUE,NAME=VALUE, and for a name given twice.
NameAndSettings read_solver_name(std::string_view text);

// The other way: the name alone where there are no settings.
std::string solver_name(std::string_view name, const SolverSettings& settings);

}  // namespace t3video::sampling
