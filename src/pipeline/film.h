// What a film is made of, once the model and the user's choices are put together.
#pragma once

#include <functional>

#include "pipeline/layout_choice.h"
#include "pipeline/models.h"
#include "pipeline/settings.h"

namespace t3video::pipeline {

struct Film {
    Settings settings;
    FramePlan frames;
    LayoutChoice attention;
};

// Throws InvalidRequest for choices out of range or at odds with one another. `layout_file` may be empty.
Film make_film(const ModelFiles& files, const ModelTraits& traits, const SettingChoices& choices, Attention attention,
               const std::filesystem::path& layout_file);

// Films of another size and length, as the user's other choices make them; with full attention where the windows asked
// for are of another grid.
using FilmMaker = std::function<Film(int64_t width, int64_t height, int64_t frames)>;
FilmMaker other_films(const ModelFiles& files, const ModelTraits& traits, const SettingChoices& choices);

// [channels, T, rows, columns] of its latent
Shape latent_shape(const Film& film, const models::VaeConfig& vae);

}  // namespace t3video::pipeline
