// What clips are brought to before they are encoded: as the user says, else as their list says, else as the model
// makes films.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "training/data/data_set.h"

namespace t3video::training {

// The model's own; film::resolve_settings knows them.
struct ModelDefaults {
    Size size;
    int64_t frames = 81;
    double fps = 16;
    int64_t cell = 16;  // pixels, which sizes are multiples of
};

// What the user says, member by member before what lists say.
struct EncodeChoices {
    DataSettings settings;
    std::optional<double> fps;  // frames per second that clips are taken at, instead of the model's
    bool every_frame = false;   // every frame of the file counts, whatever its time
};

// For a group of clips, with nothing left open.
struct ClipRules {
    std::vector<Size> sizes;  // multiples of the cell; each clip takes one of them
    int64_t cell = 16;
    bool no_upscale = false;
    WindowSettings windows;
    double fps = 16;
    std::optional<double> source_fps;
    bool every_frame = false;

    // Frames of the longest window that it may give.
    int64_t longest(ClipKind kind) const;
    // Frames that must be read: windows lie within so many from the first on. Nothing where the clip's length decides.
    std::optional<int64_t> enough() const;
    // All of it that windows and latents of a clip follow from, as text.
    std::string identity(ClipKind kind) const;
};

// One for each group. Sizes that the cell does not divide are brought to whole cells as films are (film::frame_size).
// Throws InvalidRequest, naming the field, for values out of range and for choices that exclude one another or that no
// group has a use for.
std::vector<ClipRules> rules_of(const DataSet& set, const EncodeChoices& choices, const ModelDefaults& model);

}  // namespace t3video::training
