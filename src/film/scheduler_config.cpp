// From JSON to names of solvers.
#include "film/scheduler_config.h"

#include <cmath>
#include <initializer_list>

#include "core/error.h"
#include "film/settings_file.h"
#include "sampling/diffusers_solver.h"

namespace t3video::film {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    const bool whole = value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>() &&
                       std::abs(value.get<double>()) < 1e15;
    return whole ? std::to_string(value.get<int64_t>()) : value.dump();
}

Message or_another_shift(const Message& refusal) {
    return Message(refusal, "; or choose another with ", Field("shift"));
}

// The first of these that the file gives; flow matching classes call it "shift".
std::optional<double> shift_of(const json& object, const std::filesystem::path& path,
                               std::initializer_list<const char*> names) {
    for (const char* name : names) {
        std::optional<double> shift;
        read_setting(object, name, path, shift);
        if (shift) return shift;
    }
    return std::nullopt;
}

}  // namespace

SchedulerConfig read_scheduler_config(const std::filesystem::path& path) {
    SchedulerConfig config;
    json object;
    std::optional<std::string> name;
    try {
        object = read_settings_file(path);
        read_setting(object, "_class_name", path, name);
    } catch (const InvalidRequest& error) {
        config.refusal = Message(error.message(), "; or choose another with ", Field("solver"));
        name.reset();
        if (!object.is_object()) config.shift_refusal = or_another_shift(error.message());
    }
    if (!object.is_object()) return config;
    const bool flow_match = name && name->starts_with("FlowMatch");
    try {
        config.shift = flow_match ? shift_of(object, path, {"shift", "flow_shift"})
                                  : shift_of(object, path, {"flow_shift", "shift"});
        const bool fits = !config.shift || (*config.shift > 0 && *config.shift <= kMostShift);
        require_valid(fits, path.string(), ": a shift of ", config.shift.value_or(0),
                      ", expected more than 0, at most ", kMostShift);
    } catch (const InvalidRequest& error) {
        config.shift.reset();
        config.shift_refusal = or_another_shift(error.message());
    }
    if (!name) return config;
    sampling::SchedulerSettings settings;
    for (const auto& [key, value] : object.items()) {
        if (!value.is_null() && key != "_class_name") settings[key] = text_of(value);
    }
    try {
        config.solver = sampling::diffusers_solver_name(*name, settings);
    } catch (const InvalidRequest& error) {
        config.refusal = Message(path.string(), ": ", error.message(), "; or choose another with ", Field("solver"));
    }
    return config;
}

}  // namespace t3video::film
