// A diffusers folder's scheduler_config.json: the solver and the shift that it asks for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/message.h"

namespace t3video::film {

constexpr double kMostShift = 100;

struct SchedulerConfig {
    std::optional<double> shift;  // nothing: the model's default
    std::string solver;          // sampling::find_diffusers_solver reads it; empty where the file asks for none, or for
                                 // one that is not followed
    Message refusal = {};        // what is not followed, where that is so
    Message shift_refusal = {};  // likewise of the shift
};

// A file that is no scheduler_config.json gives both refusals. null means that the file leaves a setting to the
// default.
SchedulerConfig read_scheduler_config(const std::filesystem::path& path);

}  // namespace t3video::film
