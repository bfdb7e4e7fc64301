// What a generation is made with when the user does not say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.h"
#include "core/shape.h"
#include "film/cache/table.h"
#include "film/model_files.h"
#include "sampling/solver.h"

namespace t3video::film {

// The negative prompt of the published Wan and T3 scripts: a list of visual faults, in Chinese.
extern const std::string_view kPublishedNegativePrompt;

// What a film starts from: noise alone, noise behind a first frame, or a video with noise.
enum class Source { noise, image, video };

struct Settings {
    int64_t width = 832, height = 480;  // pixels
    int64_t frames = 81;                // 4k + 1
    double fps = 16;
    int64_t steps = 50;
    double cfg = 5.0;  // guidance scale; 1 skips the negative pass
    double shift = 5.0;
    std::string solver = "unipc";  // as users name them, or sampling/diffusers_solver.h does
    std::string negative_prompt;
    Source source = Source::noise;
    double strength = 1.0;  // share of the noise range that a video runs through; sampling::ScheduleOptions
    sampling::GuidanceInterval guidance = {};
    sampling::CacheSettings cache = {};
    std::string cache_origin = {};     // ResolvedCache
    std::string cache_attention = {};  // the same
    // What people should know before the work of how these came about, and where they do not fit the model.
    std::vector<Message> notes = {}, warnings = {};

    // Whether an input has a part in the latents: at full strength none of a video is left.
    bool takes_latent() const { return source == Source::image || (source == Source::video && strength < 1.0); }
};

// What the user asked for; unset fields take the model's defaults.
struct SettingChoices {
    std::optional<int64_t> width, height, frames, steps;
    std::optional<double> fps, cfg, shift;
    std::optional<std::string> solver, negative_prompt;
    std::optional<CacheChoice> cache;
    std::filesystem::path cache_table;  // of the cache, instead of the model's or a bundled one
    std::optional<sampling::GuidanceInterval> guidance_interval;
};

// A picture or a video that a film starts from, as its header describes it.
struct InputHeader {
    Source source = Source::image;
    int64_t width = 0, height = 0;
    double fps = 0;         // 0: unknown
    double strength = 1.0;  // as Settings::strength
};

// Pixels per token along each side of a frame (16 or 32), and what the defaults depend on beside it.
struct ModelTraits {
    int64_t cell = 16;
    bool wan22 = false;  // the Wan2.2 VAE (TI2V-5B)
    TransformerSizes sizes = {};
};

// The model's defaults overlaid with the choices. Defaults follow, in this order: what the input says, where there is
// one (null: none): a size of about the model's area and the input's shape, by the official rule of TI2V-5B, a video's
// frame rate, and for one at a strength below 1 Euler's solver; the settings of a released student (film/students.h)
// whose file the user named; generation_config.json of the folder; the settings of a student that is the folder's own;
// diffusers' scheduler_config.json (solver and shift), whose solver need not be known where another one is named; the
// T3 script's values where size and frames make one of the published 4K grids; the official values of the model. Who
// names a rule of students takes its steps, shift and cfg with it. Throws InvalidRequest for malformed files, for
// values out of range, and for a rule of students that has not so many steps.
Settings resolve_settings(const ModelFiles& files, const ModelTraits& traits, const SettingChoices& choices,
                          const InputHeader* input = nullptr);

// The solver a settings' name stands for: one of the solver field's names or a scheduler of diffusers. Throws
// InvalidRequest for another.
sampling::Solver solver_of(const Settings& settings);

}  // namespace t3video::film
