// The fields of a run by name: the one table that the command line and a run's own record (run.json) follow.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "training/run/options.h"

namespace t3video::training {

struct RunField {
    // A list may be given several times, one value each.
    enum class Kind { value, path, flag, list };

    const char *name, *type, *group;  // "rate"; "X", as help texts call its values; "Steps"
    const char* help;
    Kind kind = Kind::value;

    // Takes a value as people write it, of a flag "true" or "false", and names itself so in messages. Throws
    // InvalidRequest.
    void (*set)(RunOptions& options, const Field& given) = nullptr;
    // As set() takes it, of a list all values; null where nothing was chosen.
    nlohmann::json (*get)(const RunOptions& options) = nullptr;
};

std::span<const RunField> run_fields();
// Null for a name that is none.
const RunField* find_run_field(std::string_view name);

// All fields that were chosen, by name, paths from the root: what run.json holds, and options again. Throws
// InvalidRequest, beginning with `where`, for what is no such object.
nlohmann::json fields_of(const RunOptions& options);
RunOptions options_of(const nlohmann::json& fields, const std::string& where);

}  // namespace t3video::training
