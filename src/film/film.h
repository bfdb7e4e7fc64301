// What a film is made of, once the model and the user's choices are put together.
#pragma once

#include <functional>

#include "film/networks.h"
#include "film/request.h"

namespace t3video::film {

struct Film {
    Settings settings;
    FrameSize size;
    LayoutChoice attention;

    bool guided() const { return settings.cfg != 1.0; }
    // Of an input: one of a picture, all of a video.
    int64_t input_frames() const { return settings.source == Source::image ? 1 : settings.frames; }
};

// The film of these settings. `layout_file` may be empty. Throws InvalidRequest for a size or a layout that cannot be.
Film make_film(const ModelFiles& files, const ModelTraits& traits, const Settings& settings, Attention attention,
               const std::filesystem::path& layout_file = {});

// The same film in another size and length, where `attention` is as the film's own was asked for; a layout file of the
// user's is of its own grid only and is left out.
using FilmMaker = std::function<Film(int64_t width, int64_t height, int64_t frames)>;
FilmMaker other_films(const ModelFiles& files, const ModelTraits& traits, const Settings& settings,
                      Attention attention = Attention::automatic);

// [channels, T, rows, columns] of its latent
Shape latent_shape(const Film& film, const models::VaeConfig& vae);

// What reading an input may use.
struct ReadingLimits {
    int threads = 1;
    int64_t memory = 0;  // bytes of the host that the program may take
    std::stop_token stop = {};
};

struct RequestedFilm {
    Film film;
    Input input;
};
// A request's film and its input, which is read once up to the frames that the film has. A video that is shorter than
// the model's own length decides on the length. Throws InvalidRequest for choices out of range or at odds with one
// another, and for inputs that cannot be read; Stopped.
RequestedFilm open_film(const Request& request, const ModelFiles& files, const ModelTraits& traits,
                        const ReadingLimits& limits);

}  // namespace t3video::film
