// Settings in the name of a solver.
#include "sampling/solver_settings.h"

#include <algorithm>

#include "core/error.h"

namespace t3video::sampling {

NameAndSettings read_solver_name(std::string_view text) {
    const size_t colon = text.find(':');
    NameAndSettings read{text.substr(0, colon), {}};
    if (colon == std::string_view::npos) return read;
    text.remove_prefix(colon + 1);
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find(','));
        const size_t equals = one.find('=');
        require_valid(equals != std::string_view::npos, "solver setting '", one, "': expected NAME=VALUE");
        const bool first = read.settings.emplace(one.substr(0, equals), one.substr(equals + 1)).second;
        require_valid(first, "solver setting '", one, "': ", one.substr(0, equals), " is given twice");
        text.remove_prefix(std::min(text.size(), one.size() + 1));
    }
    return read;
}

std::string solver_name(std::string_view name, const SolverSettings& settings) {
    std::string text(name);
    char separator = ':';
    for (const auto& [key, value] : settings) {
        text += separator + key + '=' + value;
        separator = ',';
    }
    return text;
}

}  // namespace t3video::sampling
