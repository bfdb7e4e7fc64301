// Resolves defaults and checks ranges.
#include "pipeline/settings.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "checkpoint/checks.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "t3/window_layout.h"

namespace t3video::pipeline {

// clang-format off
const std::string_view kPublishedNegativePrompt =
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，丑陋的，残缺的，"
    "多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，"
    "倒着走";
// clang-format on

namespace {

using nlohmann::json;

json read_object(const std::filesystem::path& path) {
    json object = parse_json_or_discard(read_text_file(path, "a JSON object"));
    require_valid(object.is_object(), path.string(), ": not a JSON object");
    return object;
}

template <class T>
void take(const json& object, const char* key, const std::filesystem::path& path, T& value) {
    if (!object.contains(key)) return;
    const json& found = object[key];
    constexpr bool text = std::is_same_v<T, std::string>, whole = std::is_integral_v<T>;
    require_valid(text ? found.is_string() : (whole ? found.is_number_integer() : found.is_number()), path.string(),
                  ": \"", key, "\" is ", found.dump(), ", expected a ",
                  text ? "text" : (whole ? "whole number" : "number"));
    value = found.get<T>();
}

void apply_generation_config(const std::filesystem::path& path, Settings& s) {
    const json object = read_object(path);
    take(object, "width", path, s.width);
    take(object, "height", path, s.height);
    take(object, "frames", path, s.frames);
    take(object, "fps", path, s.fps);
    take(object, "steps", path, s.steps);
    take(object, "cfg", path, s.cfg);
    take(object, "shift", path, s.shift);
    take(object, "solver", path, s.solver);
    take(object, "negative_prompt", path, s.negative_prompt);
}

void apply_scheduler_config(const std::filesystem::path& path, Settings& s) {
    const json object = read_object(path);
    take(object, "_class_name", path, s.solver);
    take(object, object.contains("flow_shift") ? "flow_shift" : "shift", path, s.shift);
    try {
        solver_of(s);
    } catch (const InvalidRequest& error) {
        throw InvalidRequest(concat(path.string(), ": ", error.what()));
    }
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
    overlay(choices.steps, s.steps);
    overlay(choices.cfg, s.cfg);
    overlay(choices.shift, s.shift);
    overlay(choices.solver, s.solver);
    overlay(choices.negative_prompt, s.negative_prompt);
    overlay(choices.strength, s.strength);
    s.source = choices.source;
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
    return published && published->grid == plan_frames(s.width, s.height, s.frames, cell).grid;
}

void check_ranges(const Settings& s) {
    require_valid(s.steps >= 1 && s.steps <= 1000, "--steps ", s.steps, ": expected 1 to 1000");
    require_valid(s.cfg >= 0 && s.cfg <= 100, "--cfg ", s.cfg, ": expected 0 to 100; 1 turns guidance off");
    require_valid(s.shift > 0 && s.shift <= 100, "--shift ", s.shift, ": expected more than 0, at most 100");
    require_valid(s.fps >= 1 && s.fps <= 240, "--fps ", s.fps, ": expected 1 to 240");
}

int64_t round_up(int64_t value, int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

void require_tokens(const Grid& grid, int64_t cell) {
    if (grid.tokens() <= t3::kMostTokens) return;
    const int64_t frames = (t3::kMostTokens / (grid.h * grid.w) - 1) * 4 + 1;
    // Of the same shape, 2 % below the bound: what is near a published size is rounded up to it.
    const double scale = std::sqrt(0.98 * double(t3::kMostTokens) / double(grid.tokens()));
    const auto side = [&](int64_t cells) {
        return std::max<int64_t>(1, static_cast<int64_t>(scale * double(cells))) * cell;
    };
    throw InvalidRequest(concat("--size ", grid.w * cell, 'x', grid.h * cell, " --frames ", (grid.t - 1) * 4 + 1,
                                ": a film of ", grid.tokens(), " tokens; the largest has ", t3::kMostTokens,
                                "; try --frames ", frames, " or --size ", side(grid.w), 'x', side(grid.h)));
}

}  // namespace

const sampling::Solver& solver_of(const Settings& settings) {
    const bool plain = std::ranges::none_of(settings.solver, [](unsigned char c) { return c < ' '; });
    require_valid(plain, "unknown solver ", checkpoint::quote(settings.solver));  // others are named as they are
    const bool diffusers_class = settings.solver.find("Scheduler") != std::string::npos;
    return diffusers_class ? sampling::find_diffusers_solver(settings.solver) : sampling::find_solver(settings.solver);
}

FramePlan plan_frames(int64_t width, int64_t height, int64_t frames, int64_t cell) {
    require_valid(width >= cell && height >= cell && width <= 16384 && height <= 16384, "--size ", width, "x", height,
                  ": each side must be ", cell, " to 16384 pixels");
    require_valid(width % 2 == 0 && height % 2 == 0, "--size ", width, "x", height, ": video needs even sides; try ",
                  round_up(width, 2), "x", round_up(height, 2));
    constexpr int64_t kMostFrames = 1'000'001;  // far beyond any film: products stay within 64 bits
    require_valid(frames >= 1 && frames <= kMostFrames && frames % 4 == 1, "--frames ", frames,
                  ": the model makes 4k+1 frames; try ", std::clamp<int64_t>(frames / 4 * 4 + 1, 1, kMostFrames));
    FramePlan plan{round_up(width, cell), round_up(height, cell), {}};
    const bool uhd = (width == 3840 && height == 2160) || (width == 2160 && height == 3840);
    const auto published = t3::published_layout(cell);
    if (published && (uhd || plan.width != width || plan.height != height)) {
        const int64_t longer = published->grid.w * cell, shorter = published->grid.h * cell;
        for (const auto& [w, h] : {std::pair(longer, shorter), std::pair(shorter, longer)}) {
            const bool close = w >= width && w - width <= 32 && h >= height && h - height <= 32;
            if (close) plan = {w, h, {}};
        }
    }
    plan.grid = {(frames - 1) / 4 + 1, plan.height / cell, plan.width / cell};
    require_tokens(plan.grid, cell);
    return plan;
}

Settings resolve_settings(const ModelFiles& files, const ModelTraits& traits, const SettingChoices& choices) {
    const auto apply_folder_and_choices = [&](Settings& s) {
        if (!files.scheduler.empty()) apply_scheduler_config(files.scheduler, s);
        if (!files.generation.empty()) apply_generation_config(files.generation, s);
        apply_choices(choices, s);
    };
    Settings s = official_settings(traits);
    Settings asked = s;
    asked.frames = 81;  // where neither folder nor user says otherwise
    apply_folder_and_choices(asked);
    if (has_published_grid(asked, traits.cell)) {
        s.frames = 81;
        s.fps = 30;
        s.solver = "euler";
    }
    apply_folder_and_choices(s);
    check_ranges(s);
    solver_of(s);
    return s;
}

}  // namespace t3video::pipeline
