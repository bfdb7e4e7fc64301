// Tables of settings per class: diffusers 0.42.
#include "sampling/diffusers_solver.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/numbers.h"
#include "sampling/diffusers_schedules.h"
#include "sampling/dpmpp.h"
#include "sampling/euler.h"
#include "sampling/unipc.h"

namespace t3video::sampling {
namespace {

struct Setting {
    std::string_view name;
    std::string_view usual;
    std::array<std::string_view, 5> same = {};      // others that mean the usual
    std::array<std::string_view, 5> followed = {};  // others that are followed
    bool number = false;                            // whether any number in (0, 1) is
};

// The spacing of levels by its setting's name.
constexpr std::string_view kKarras = "use_karras_sigmas", kExponential = "use_exponential_sigmas",
                           kBeta = "use_beta_sigmas", kOrder = "solver_order", kType = "solver_type",
                           kTerminal = "shift_terminal", kLower = "lower_order_final";

// What the flow matching models need. Settings that change nothing for them (betas but where said, timestep_spacing and
// so on) are not in these lists.
constexpr Setting kUnipc[] = {
    {kOrder, "2", {}, {"1", "3", "4", "5"}},
    {kType, "bh2", {}, {"bh1"}},
    {kKarras, "false", {}, {"true"}},
    {kTerminal, "", {"0", "0.0"}, {}, true},
    {kExponential, "false"},
    {kBeta, "false"},
    {"use_flow_sigmas", "true"},
    {"use_dynamic_shifting", "false"},
    {"prediction_type", "flow_prediction"},
    {"predict_x0", "true"},
    {"thresholding", "false"},
    {"disable_corrector", "[]"},
    {"solver_p", ""},
    {kLower, "true"},
    {"final_sigmas_type", "zero"},
    {"num_train_timesteps", "1000"},
};

// The table of betas, which only Karras' levels come from.
constexpr Setting kBetas[] = {
    {"beta_start", "0.0001"},
    {"beta_end", "0.02"},
    {"beta_schedule", "linear"},
    {"trained_betas", ""},
    {"rescale_betas_zero_snr", "false"},
    {"sigma_min", ""},
    {"sigma_max", ""},
};

constexpr Setting kDpmpp[] = {
    {kOrder, "2", {}, {"1", "3"}},
    {kType, "midpoint", {"bh1", "bh2", "logrho"}, {"heun"}},
    {kLower, "true", {}, {"false"}},
    {"algorithm_type", "dpmsolver++", {"deis"}},
    {kKarras, "false"},
    {kExponential, "false"},
    {kBeta, "false"},
    {"use_lu_lambdas", "false"},
    {"use_flow_sigmas", "true"},
    {"use_dynamic_shifting", "false"},
    {"prediction_type", "flow_prediction"},
    {"thresholding", "false"},
    {"variance_type", ""},
    {"final_sigmas_type", "zero"},
    {"num_train_timesteps", "1000"},
};

constexpr Setting kFlowMatch[] = {
    {kKarras, "false", {}, {"true"}},        {kExponential, "false", {}, {"true"}}, {kBeta, "false", {}, {"true"}},
    {kTerminal, "", {"0", "0.0"}, {}, true}, {"use_dynamic_shifting", "false"},     {"invert_sigmas", "false"},
    {"stochastic_sampling", "false"},        {"num_train_timesteps", "1000"},
};

struct Class {
    std::string_view name;
    std::span<const Setting> settings;
    Solver (*solver)(std::string name, const SchedulerSettings& settings);
};

bool has(const SchedulerSettings& settings, std::string_view name, std::string_view value = "true") {
    const auto found = settings.find(name);
    return found != settings.end() && found->second == value;
}

int order_of(const SchedulerSettings& settings) {
    const auto found = settings.find(kOrder);
    return found == settings.end() ? 2 : number_of<int>(found->second).value_or(2);
}

DiffusersSpacing spacing_of(const SchedulerSettings& settings) {
    const auto terminal = settings.find(kTerminal);
    return {has(settings, kKarras)        ? Spacing::karras
            : has(settings, kExponential) ? Spacing::exponential
            : has(settings, kBeta)        ? Spacing::beta
                                          : Spacing::flow,
            terminal == settings.end() ? 0 : number_of<double>(terminal->second).value_or(0)};
}

Solver unipc_of(std::string name, const SchedulerSettings& settings) {
    const UnipcOptions options{.order = order_of(settings), .bh1 = has(settings, kType, "bh1")};
    return {
        std::move(name),
        without_noise([options](Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
                                const StepObserver& observer) {
            return unipc(ctx, denoiser, std::move(start), schedule, observer, options);
        }),
        [spacing = spacing_of(settings)](const ScheduleOptions& o) { return diffusers_unipc_schedule(o, spacing); }};
}

Solver dpmpp_of(std::string name, const SchedulerSettings& settings) {
    const DpmppOptions options{.order = order_of(settings),
                               .heun = has(settings, kType, "heun"),
                               .lower_order_final = !has(settings, kLower, "false")};
    return {std::move(name),
            without_noise([options](Context& ctx, const Denoiser& denoiser, SampleState start, const Schedule& schedule,
                                    const StepObserver& observer) {
                return dpmpp(ctx, denoiser, std::move(start), schedule, observer, options);
            }),
            diffusers_dpmpp_schedule};
}

Solver flow_match_of(std::string name, const SchedulerSettings& settings) {
    return {std::move(name), without_noise(euler), [spacing = spacing_of(settings)](const ScheduleOptions& o) {
                return diffusers_flow_match_schedule(o, spacing);
            }};
}

constexpr Class kClasses[] = {
    {"UniPCMultistepScheduler", kUnipc, unipc_of},
    {"DPMSolverMultistepScheduler", kDpmpp, dpmpp_of},
    {"FlowMatchEulerDiscreteScheduler", kFlowMatch, flow_match_of},
};

const Class& find_class(std::string_view name) {
    const auto found = std::ranges::find(kClasses, name, &Class::name);
    if (found != std::end(kClasses)) return *found;
    throw InvalidRequest(concat("unknown scheduler class '", name, "', expected one of: ", diffusers_classes()));
}

bool is_in(const std::array<std::string_view, 5>& values, std::string_view value) {
    return !value.empty() && std::ranges::find(values, value) != values.end();
}

// "expected 2, 1, 3, 4 or 5"
std::string expected(const Setting& setting) {
    std::vector<std::string_view> values;
    if (!setting.usual.empty()) values.push_back(setting.usual);
    for (const std::string_view value : setting.followed) {
        if (!value.empty()) values.push_back(value);
    }
    if (values.empty()) return "leave it out";
    std::string text = "expected ";
    for (size_t i = 0; i < values.size(); ++i)
        text += concat(i == 0 ? "" : i + 1 == values.size() ? " or " : ", ", values[i]);
    return text;
}

// Those of `all` that differ from the usual, each of them followed.
SchedulerSettings followed(std::string_view class_name, std::span<const Setting> known, const SchedulerSettings& all) {
    SchedulerSettings kept;
    for (const Setting& setting : known) {
        const auto given = all.find(setting.name);
        if (given == all.end() || given->second == setting.usual || is_in(setting.same, given->second)) continue;
        const auto number = setting.number ? number_of<double>(given->second) : std::nullopt;
        const bool follows = is_in(setting.followed, given->second) || (number && *number > 0 && *number < 1);
        require_valid(follows, class_name, ": ", setting.name, " ", given->second, " is not followed; ",
                      expected(setting));
        kept.insert(*given);
    }
    const auto spacings = has(kept, kKarras) + has(kept, kExponential) + has(kept, kBeta);
    require_valid(spacings <= 1, class_name, ": ", kKarras, ", ", kExponential, " and ", kBeta, " exclude one another");
    return kept;
}

SchedulerSettings followed(const Class& of, const SchedulerSettings& all) {
    SchedulerSettings kept = followed(of.name, of.settings, all);
    if (of.settings.data() == kUnipc && has(kept, kKarras)) {
        followed(of.name, kBetas, all);
        kept.erase(std::string(kTerminal));  // stretches levels of the flow's own spacing only
    }
    return kept;
}

}  // namespace

std::string diffusers_classes() {
    std::string names;
    for (const Class& known : kClasses) names += concat(names.empty() ? "" : ", ", known.name);
    return names;
}

std::string diffusers_solver_name(std::string_view class_name, const SchedulerSettings& settings) {
    return solver_name(class_name, followed(find_class(class_name), settings));
}

Solver find_diffusers_solver(std::string_view name) {
    const Class& of = find_class(name.substr(0, name.find(':')));
    const SchedulerSettings given = read_solver_name(name).settings;
    for (const auto& [key, value] : given) {
        const bool known = std::ranges::find(of.settings, key, &Setting::name) != of.settings.end();
        require_valid(known, of.name, " has no setting '", key, "' that is followed");
    }
    const SchedulerSettings kept = followed(of, given);
    return of.solver(diffusers_solver_name(of.name, kept), kept);
}

}  // namespace t3video::sampling
