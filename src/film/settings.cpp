// Resolves defaults and checks ranges.
#include "film/settings.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "checkpoint/checks.h"
#include "core/error.h"
#include "film/field_values.h"
#include "film/frame_size.h"
#include "film/scheduler_config.h"
#include "film/settings_file.h"
#include "film/students.h"
#include "sampling/diffusers_solver.h"
#include "t3/window_layout.h"

namespace t3video::film {

// clang-format off
const std::string_view kPublishedNegativePrompt =
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，丑陋的，残缺的，"
    "多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，"
    "倒着走";
// clang-format on

namespace {

using nlohmann::json;

// A rate as a number, or as a text such as "24000/1001".
void read_fps(const json& object, const std::filesystem::path& path, double& fps) {
    if (!object.contains("fps") || !object["fps"].is_string()) return read_setting(object, "fps", path, fps);
    try {
        fps = parse_fps(Field("\"fps\"", object["fps"].get<std::string>()));
    } catch (const InvalidRequest& error) {
        throw InvalidRequest(Message(path.string(), ": ", error.what()));
    }
}

// The solver of this name, with the settings of its students where it is a rule of theirs and another one than before.
void follow(const std::string& solver, Settings& s) {
    if (solver == s.solver) return;
    s.solver = solver;
    try {
        const auto students = solver_of(s).students;
        if (students) std::tie(s.steps, s.shift, s.cfg) = std::tie(students->steps, students->shift, students->cfg);
    } catch (const InvalidRequest&) {
        // Refused in the end, unless another one is named.
    }
}

void apply_student(const Student& student, Settings& s) {
    s.solver = student.solver;
    s.steps = student.steps;
    s.shift = student.shift;
    s.cfg = 1;
}

void apply_generation_config(const std::filesystem::path& path, Settings& s) {
    const json object = read_settings_file(path);
    std::string solver = s.solver;
    read_setting(object, "solver", path, solver);
    follow(solver, s);
    read_setting(object, "width", path, s.width);
    read_setting(object, "height", path, s.height);
    read_setting(object, "frames", path, s.frames);
    read_fps(object, path, s.fps);
    read_setting(object, "steps", path, s.steps);
    read_setting(object, "cfg", path, s.cfg);
    read_setting(object, "shift", path, s.shift);
    read_setting(object, "negative_prompt", path, s.negative_prompt);
}

// A solver that is not followed leaves an empty name, and a shift no number, for others to say another.
void apply_scheduler_config(const SchedulerConfig& config, Settings& s) {
    s.shift = config.shift_refusal.empty() ? config.shift.value_or(s.shift) : std::nan("");
    if (!config.solver.empty() || !config.refusal.empty()) s.solver = config.solver;
}

template <class T>
void overlay(const std::optional<T>& choice, T& value) {
    if (choice) value = *choice;
}

void apply_choices(const SettingChoices& choices, Settings& s) {
    overlay(choices.width, s.width);
    overlay(choices.height, s.height);
    overlay(choices.frames, s.frames);
    overlay(choices.fps, s.fps);
    if (choices.solver) follow(*choices.solver, s);
    overlay(choices.steps, s.steps);
    overlay(choices.cfg, s.cfg);
    overlay(choices.shift, s.shift);
    overlay(choices.negative_prompt, s.negative_prompt);
}

Settings official_settings(const ModelTraits& traits) {
    Settings s;
    if (traits.wan22) {
        s.width = 1280;
        s.height = 704;
        s.frames = 121;
        s.fps = 24;
    }
    s.negative_prompt = kPublishedNegativePrompt;
    return s;
}

bool has_published_grid(const Settings& s, int64_t cell) {
    const auto published = t3::published_layout(cell);
    return published && published->grid == frame_size(s.width, s.height, s.frames, cell).grid;
}

void apply_input(const InputHeader& input, const SettingChoices& choices, int64_t cell, Settings& s) {
    s.source = input.source;
    s.strength = input.strength;
    if (!choices.width && !choices.height)
        std::tie(s.width, s.height) = size_by_shape(input.width, input.height, s.width * s.height, cell);
    if (input.source == Source::image) return;
    const std::string asked = choices.solver.value_or("euler");
    require_valid(input.strength == 1 || asked == "euler", Field("solver", asked), ": starts from noise alone; a ",
                  Field("strength"), " below 1 (found ", input.strength, ") takes euler");
    if (input.strength < 1) s.solver = "euler";
    if (input.fps >= 1 && input.fps <= 240) s.fps = input.fps;
}

void resolve_cache(const ModelFiles& files, const ModelTraits& traits, const SettingChoices& choices, Settings& s) {
    const CacheChoice choice = choices.cache.value_or(CacheChoice());
    const bool reads = choice.kind == sampling::CacheKind::tea || choice.kind == sampling::CacheKind::tea_ret ||
                       choice.kind == sampling::CacheKind::mag;
    require_valid(reads || choices.cache_table.empty(), Field("cache-table", choices.cache_table.string()),
                  ": is for a ", Field("cache"), " of tea, tea-ret or mag");
    const ResolvedCache resolved = resolve_cache(choice, traits.sizes, double(s.width) * double(s.height),
                                                 {choices.cache_table, files.cache_table});
    s.cache = resolved.settings;
    s.cache_origin = resolved.origin;
    s.cache_attention = resolved.attention;
}

void check_ranges(const Settings& s) {
    require_valid(s.steps >= 1 && s.steps <= 1000, Field("steps", s.steps), ": expected 1 to 1000");
    require_valid(s.cfg >= 0 && s.cfg <= 100, Field("cfg", s.cfg), ": expected 0 to 100; 1 turns guidance off");
    require_valid(s.shift > 0 && s.shift <= kMostShift, Field("shift", s.shift), ": expected more than 0, at most ",
                  kMostShift);
    require_valid(s.fps >= 1 && s.fps <= 240, Field("fps", s.fps), ": expected 1 to 240");
}

// Throws InvalidRequest where a rule of students has no schedule of so many steps.
void check_rule(const sampling::Solver& solver, const Settings& s) {
    if (!solver.students) return;
    try {
        solver.schedule({.steps = s.steps, .shift = s.shift, .strength = s.strength});
    } catch (const InvalidRequest& error) {
        throw InvalidRequest(
            Message(Field("steps", s.steps), " of ", Field("solver", s.solver), ": ", error.message()));
    }
}

// What the sampling of few-step students rests on, and where it does not fit.
void remark_on_students(const ModelFiles& files, const std::optional<Student>& student, const sampling::Solver& solver,
                        Settings& s) {
    const bool is_rule = solver.students.has_value();
    const auto note = [&](auto&&... parts) { s.notes.emplace_back(parts...); };
    if (student) {
        const bool moves = !student->solver.starts_with("rcm");
        note(student->told_by, ": is a few-step student (", student->name, "), made for ", student->steps, " steps of ",
             student->solver, moves ? concat(", shift ", student->shift) : "", ", cfg 1");
        if (!student->remark.empty())
            note(student->name, ": ", student->remark,
                 "; in full attention or T3 windows its weights are another model");
        if (s.solver != student->solver)
            note(Field("solver", s.solver), " is not what ", student->name, " is made for");
    } else if (is_rule) {
        const std::string base = base_model_of(files);
        const Field rule("solver", s.solver);
        if (base.empty())
            note(rule, ": fits few-step students only, and no file's name says that the model is one; others blur");
        else
            s.warnings.emplace_back(rule, ": fits few-step students only, and ", base,
                                    " is none; the film will be a blur");
    }
    if ((student || is_rule) && s.cfg != 1)
        note(Field("cfg", s.cfg), ": few-step students are made for 1; guidance comes on top and doubles the work");
    if (is_rule && s.solver.starts_with("rcm") && s.shift != solver.students->shift)
        note(Field("shift", s.shift), ": rcm has levels of its own, which no shift moves");
}

}  // namespace

sampling::Solver solver_of(const Settings& settings) {
    const bool plain = std::ranges::none_of(settings.solver, [](unsigned char c) { return c < ' '; });
    require_valid(plain, Field("solver", checkpoint::quote(settings.solver)), ": is no name of a solver");
    if (settings.solver.find("Scheduler") == std::string::npos) return sampling::find_solver(settings.solver);
    try {
        return sampling::find_diffusers_solver(settings.solver);
    } catch (const InvalidRequest& error) {
        throw InvalidRequest(Message(Field("solver"), ": ", error.message()));
    }
}

Settings resolve_settings(const ModelFiles& files, const ModelTraits& traits, const SettingChoices& choices,
                          const InputHeader* input) {
    SchedulerConfig scheduler;
    if (!files.scheduler.empty()) scheduler = read_scheduler_config(files.scheduler);
    const std::optional<Student> student = student_of(files, traits.wan22);
    const auto apply_rest = [&](Settings& s) {
        apply_scheduler_config(scheduler, s);
        if (student && student->of_folder) apply_student(*student, s);
        if (!files.generation.empty()) apply_generation_config(files.generation, s);
        if (student && !student->of_folder) apply_student(*student, s);
        if (input) apply_input(*input, choices, traits.cell, s);
        apply_choices(choices, s);
    };
    Settings s = official_settings(traits);
    Settings asked = s;
    asked.frames = 81;  // where neither folder nor user says otherwise
    apply_rest(asked);
    if (has_published_grid(asked, traits.cell)) {
        s.frames = 81;
        s.fps = 30;
        s.solver = "euler";
    }
    apply_rest(s);
    if (std::isnan(s.shift) && !choices.shift && !scheduler.shift_refusal.empty())
        throw InvalidRequest(scheduler.shift_refusal);
    check_ranges(s);
    if (s.solver.empty() && !scheduler.refusal.empty()) throw InvalidRequest(scheduler.refusal);
    const sampling::Solver solver = solver_of(s);
    check_rule(solver, s);
    remark_on_students(files, student, solver, s);
    if (choices.guidance_interval) s.guidance = *choices.guidance_interval;
    resolve_cache(files, traits, choices, s);
    return s;
}

}  // namespace t3video::film
