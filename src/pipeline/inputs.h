// A picture that a film begins with, or a video that it is made from.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "models/wan_vae/wan_vae.h"
#include "pipeline/settings.h"

namespace t3video::pipeline {

// How an input comes to the film's size: one factor for both sides (Lanczos) and what is too much cut off evenly, as
// the official code does; or each side by its own (bicubic), as the T3 script does.
enum class Fit { crop, stretch };

// What the user gives; at most one of the two.
struct InputChoices {
    std::filesystem::path image, video;
    std::optional<double> strength;  // of video to video, in (0, 1]: the share of the noise range to run through
    Fit fit = Fit::crop;

    const std::filesystem::path& path() const { return image.empty() ? video : image; }
    bool any() const { return !path().empty(); }
};

constexpr double kDefaultStrength = 0.6;  // half of the steps or more at high noise: content changes, motion stays

// Throws InvalidRequest for two inputs, a strength without a video or out of range, and options without an input.
void check_inputs(const InputChoices& inputs);

// What an input turned out to be.
struct Input {
    InputChoices choices;
    int64_t width = 0, height = 0, frames = 0;  // frames that can be read, as far as the film may need them
    double fps = 0;                             // 0: unknown
    int64_t bytes = 0;                          // of memory that reading it takes
    std::string hash;                           // of the contents
};

// Checks the choices and reads the whole input once, up to the frames that the film may want. Throws InvalidRequest for
// a file that cannot be read, for an image where the model takes none, and for an input that cannot be read by a
// program of `memory` bytes (0: any number), which its header shows.
Input open_input(const InputChoices& inputs, const ModelFiles& files, const ModelTraits& traits,
                 const SettingChoices& choices, int64_t memory = 0);

// Bytes of host memory that a run may take: on the CPU `memory`, where the user names it, else what is available; a
// GPU's limit says nothing of the host.
int64_t host_memory(const Context& ctx, int64_t memory);

// Memory that encode_input takes beside encoding, for Machine::reading.
int64_t reading_bytes(const Input& input, const FramePlan& size);

// The user's choices with what follows from the input where they say nothing: of a size, one of about the default's
// area and the input's shape, by the official rule of TI2V-5B; of a video, its frame rate and, where it is shorter than
// the default, the most frames 4k+1 that it has. Throws InvalidRequest for more frames than it has.
SettingChoices with_input(const Input& input, const ModelFiles& files, const ModelTraits& traits,
                          const SettingChoices& choices);

struct Size {
    int64_t width = 0, height = 0;
    friend bool operator==(const Size&, const Size&) = default;
};

// Multiples of the cell with at most `area` pixels, near the shape width : height.
Size size_by_shape(int64_t width, int64_t height, int64_t area, int64_t cell);

// The latent of the input at a film's computed size, in host memory: [z, 1, rows, columns] of an image, [z, T, rows,
// columns] of a video. `progress` hears how many frames are read.
Tensor encode_input(Context& ctx, const models::WanVae& vae, const Input& input, const FramePlan& size, int64_t frames,
                    const std::function<void(int64_t frames)>& progress = {});

}  // namespace t3video::pipeline
