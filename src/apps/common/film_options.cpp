// The options of a film.
#include "apps/common/film_options.h"

#include <tuple>

#include "core/error.h"

namespace t3video::apps {

void FilmOptions::add_to(CLI::App& c) {
    auto& s = request.settings;
    model.add_to(c);
    model.add_loras_to(c);
    const std::string film = "Film", sampling = "Sampling", windows = "Attention";
    c.add_option("--size", size, "Pixels; other sizes than the model's grid are cropped from the next larger one")
        ->type_name("WxH")
        ->group(film);
    c.add_option("--frames", s.frames, "Number of frames, 4k+1")->type_name("N")->group(film);
    const std::string input = "Input";
    c.add_option("--image", request.inputs.image, "Picture that the film begins with (TI2V models)")
        ->type_name("FILE")
        ->group(input);
    c.add_option("--video", request.inputs.video, "Video, or folder of PNGs, that the film is made from")
        ->type_name("FILE")
        ->group(input);
    c.add_option("--strength", request.inputs.strength,
                 "How far to go from the video: near 0 keeps it, 1 keeps nothing (default 0.6)")
        ->type_name("X")
        ->group(input);
    c.add_option("--fit", fit, "How an input comes to the film's size: crop what is too much, or stretch")
        ->capture_default_str()
        ->group(input);
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
    require_valid(fit == "crop" || fit == "stretch", "--fit ", fit, ": expected crop or stretch");
    request.inputs.fit = fit == "crop" ? pipeline::Fit::crop : pipeline::Fit::stretch;
    request.model = model.model;
    request.parts = model.parts;
    if (!size.empty()) std::tie(request.settings.width, request.settings.height) = parse_size(size);
    if (!compute.memory.empty()) request.memory = static_cast<int64_t>(parse_bytes(compute.memory));
}

}  // namespace t3video::apps
