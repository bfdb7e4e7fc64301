// The options of a film.
#include "apps/common/film_options.h"

#include <tuple>

namespace t3video::apps {

void FilmOptions::add_to(CLI::App& c) {
    auto& s = request.settings;
    model.add_to(c);
    const std::string film = "Film", sampling = "Sampling", windows = "Attention";
    c.add_option("--size", size, "Pixels; other sizes than the model's grid are cropped from the next larger one")
        ->type_name("WxH")
        ->group(film);
    c.add_option("--frames", s.frames, "Number of frames, 4k+1")->type_name("N")->group(film);
    c.add_option("--steps", s.steps, "Denoising steps: more is slower and cleaner")->type_name("N")->group(sampling);
    c.add_option("--cfg", s.cfg, "Guidance scale: how closely to follow the prompt; 1 turns it off and halves the work")
        ->type_name("X")
        ->group(sampling);
    c.add_option("--shift", s.shift, "Share of the steps at high noise; larger videos want more")
        ->type_name("X")
        ->group(sampling);
    c.add_option("--solver", s.solver, "euler, unipc or dpm++")->type_name("NAME")->group(sampling);
    c.add_option("--attention", attention,
                 "auto: T3 windows where a layout is known for the grid, else full; or full, t3")
        ->capture_default_str()
        ->group(windows);
    c.add_option("--layout", request.layout, "Window layout to use instead of the model's t3-layout.json")
        ->type_name("FILE")
        ->group(windows);
    compute.add_to(c);
}

void FilmOptions::finish() {
    request.attention = pipeline::parse_attention(attention);
    request.model = model.model;
    request.parts = model.parts;
    if (!size.empty()) std::tie(request.settings.width, request.settings.height) = parse_size(size);
    if (!compute.memory.empty()) request.memory = static_cast<int64_t>(parse_bytes(compute.memory));
}

}  // namespace t3video::apps
