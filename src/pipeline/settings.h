// What a generation is made with when the user does not say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/shape.h"
#include "pipeline/model_files.h"
#include "sampling/solver.h"

namespace t3video::pipeline {

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
    std::string solver = "unipc";  // as --solver names them, or a diffusers scheduler class
    std::string negative_prompt;
    Source source = Source::noise;
    double strength = 1.0;  // share of the noise range that a video runs through; sampling::ScheduleOptions

    // Whether an input has a part in the latents: at full strength none of a video is left.
    bool takes_latent() const { return source == Source::image || (source == Source::video && strength < 1.0); }
};

// What the user asked for; unset fields take the model's defaults.
struct SettingChoices {
    std::optional<int64_t> width, height, frames, steps;
    std::optional<double> fps, cfg, shift;
    std::optional<std::string> solver, negative_prompt;
    Source source = Source::noise;
    std::optional<double> strength;
};

// Pixels per token along each side of a frame (16 or 32), and what the defaults depend on beside it.
struct ModelTraits {
    int64_t cell = 16;
    bool wan22 = false;  // the Wan2.2 VAE (TI2V-5B)
};

// The model's defaults overlaid with the choices. Defaults follow, in this order: generation_config.json of the folder;
// diffusers' scheduler_config.json (solver and shift); the T3 script's values where size and frames make one of the
// published 4K grids; the official values of the model. Throws InvalidRequest for malformed files and for values out of
// range.
Settings resolve_settings(const ModelFiles& files, const ModelTraits& traits, const SettingChoices& choices);

// The solver a settings' name stands for: one of --solver's names or a diffusers class name.
const sampling::Solver& solver_of(const Settings& settings);

// The size a film is computed at, before cropping to what was asked.
struct FramePlan {
    int64_t width = 0, height = 0;  // computed, multiples of the cell
    Grid grid;                      // tokens
};

// Rounds up to the cell; a side pair that the cell does not divide, and 3840x2160 or 2160x3840 at any rate, goes to the
// next larger published size where that is within 32 pixels. Throws InvalidRequest for sizes below one cell or frames
// not 4k+1, naming the nearest right one.
FramePlan plan_frames(int64_t width, int64_t height, int64_t frames, int64_t cell);

}  // namespace t3video::pipeline
