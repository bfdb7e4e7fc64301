// Puts settings, size, windows and input together.
#include "film/film.h"

#include "core/error.h"

namespace t3video::film {

Film make_film(const ModelFiles& files, const ModelTraits& traits, const Settings& settings, Attention attention,
               const std::filesystem::path& layout_file) {
    Film film{.settings = settings};
    film.size = frame_size(settings.width, settings.height, settings.frames, traits.cell);
    film.attention = choose_layout(film.size.grid, traits.cell, files, attention, layout_file);
    return film;
}

FilmMaker other_films(const ModelFiles& files, const ModelTraits& traits, const Settings& settings,
                      Attention attention) {
    return [=](int64_t width, int64_t height, int64_t frames) {
        Settings other = settings;
        other.width = width;
        other.height = height;
        other.frames = frames;
        return make_film(files, traits, other, attention);
    };
}

Shape latent_shape(const Film& film, const models::VaeConfig& vae) {
    const Grid& grid = film.size.grid;
    return {vae.z, grid.t, grid.h * 2, grid.w * 2};
}

RequestedFilm open_film(const Request& request, const ModelFiles& files, const ModelTraits& traits,
                        const ReadingLimits& limits) {
    OpenInput opened(request.inputs, files, traits, limits.memory, limits.stop);
    Settings settings = resolve_settings(files, traits, request.settings, opened.header());
    if (settings.takes_latent() && !files.decoder.empty()) files.need(Part::vae);  // which encodes the input
    const FrameSize size = frame_size(settings.width, settings.height, settings.frames, traits.cell);
    Input input = opened.read(size, settings, limits.threads);
    const auto found = static_cast<int64_t>(input.frames.size());
    if (settings.source == Source::video && found < settings.frames) {
        const int64_t most = (found - 1) / 4 * 4 + 1;
        require_valid(!request.settings.frames, Field("frames", settings.frames), ": ", request.inputs.video.string(),
                      " has ", found, input.timed ? concat(" at ", settings.fps, " frames per second") : "", "; try ",
                      Field("frames", most));
        settings.frames = most;
        input.frames.resize(static_cast<size_t>(most));
    }
    return {make_film(files, traits, settings, request.attention, request.layout), std::move(input)};
}

}  // namespace t3video::film
