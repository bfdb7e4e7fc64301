// Puts settings, size and windows together.
#include "pipeline/film.h"

namespace t3video::pipeline {

Film make_film(const ModelFiles& files, const ModelTraits& traits, const SettingChoices& choices, Attention attention,
               const std::filesystem::path& layout_file) {
    Film film;
    film.settings = resolve_settings(files, traits, choices);
    film.frames = plan_frames(film.settings.width, film.settings.height, film.settings.frames, traits.cell);
    film.attention = choose_layout(film.frames.grid, traits.cell, files, attention, layout_file);
    return film;
}

FilmMaker other_films(const ModelFiles& files, const ModelTraits& traits, const SettingChoices& choices) {
    return [=](int64_t width, int64_t height, int64_t frames) {
        SettingChoices other = choices;
        other.width = width;
        other.height = height;
        other.frames = frames;
        return make_film(files, traits, other, Attention::automatic, {});
    };
}

Shape latent_shape(const Film& film, const models::VaeConfig& vae) {
    const Grid& grid = film.frames.grid;
    return {vae.z, grid.t, grid.h * 2, grid.w * 2};
}

}  // namespace t3video::pipeline
