// t3video generate: a prompt in, a film out.
#include <fmt/format.h>

#include <memory>

#include "apps/cli/commands.h"
#include "apps/common/film_options.h"
#include "core/error.h"
#include "core/log.h"
#include "pipeline/generate.h"

namespace t3video::apps {
namespace {

struct GenerateOptions {
    FilmOptions film;
    std::string noise = "cpu";
    bool no_contact_sheet = false, quiet = false;

    void add_to(CLI::App& command);
    void run();
};

void GenerateOptions::add_to(CLI::App& c) {
    auto& r = film.request;
    c.add_option("--prompt,-p", r.prompt, "What the film shows, in a sentence or a paragraph")
        ->required()
        ->type_name("TEXT");
    c.add_option("--output,-o", r.output,
                 "Video file to write: .mp4, .mkv, .mov (H.264; builds with FFmpeg), .y4m (uncompressed); or a folder "
                 "(frames/) or pattern (frames/%05d.png) for one PNG per frame")
        ->capture_default_str()
        ->type_name("FILE");
    film.add_to(c);

    const std::string file = "Film", sampling = "Sampling";
    c.add_option("--fps", r.settings.fps, "Frames per second of the file")->type_name("RATE")->group(file);
    c.add_option("--crf", r.crf, "H.264 quality: 0 lossless, 18 hard to tell from the source, 51 worst")
        ->capture_default_str()
        ->type_name("N")
        ->group(file);
    c.add_flag("--no-contact-sheet", no_contact_sheet, "Do not write a PNG of the film's frames beside it")
        ->group(file);
    c.add_option("--negative", r.settings.negative_prompt, "What the film should not look like")
        ->type_name("TEXT")
        ->group(sampling);
    c.add_option("--seed", r.seed, "Another seed makes another film of the same prompt")
        ->capture_default_str()
        ->type_name("N")
        ->group(sampling);
    c.add_option("--noise", noise, "Whose random numbers a seed means: PyTorch's on the cpu, or on a GPU (cuda)")
        ->capture_default_str()
        ->group(sampling);
    c.add_option("--multiprocessors", r.multiprocessors, "Of the GPU whose noise --noise cuda makes")
        ->capture_default_str()
        ->type_name("N")
        ->group(sampling);
    c.add_flag("--bf16-timesteps", r.bf16_timesteps, "Round timesteps as the published T3 script does")
        ->group(sampling);
    c.add_option("--job", r.job, "Folder for intermediate results (default: the output's name with .job)")
        ->type_name("DIR")
        ->group("Computing");
    c.add_flag("--quiet", quiet, "Print nothing but errors")->group("Computing");
    c.footer(
        "Defaults of size, frames, fps, steps, cfg, shift and solver follow the model; `t3video inspect DIR` shows a "
        "model's own:\n"
        "  Wan2.1         832x480    81 frames  16 fps  50 steps  cfg 5  shift 5  unipc\n"
        "  TI2V-5B        1280x704  121 frames  24 fps  50 steps  cfg 5  shift 5  unipc\n"
        "  at 3840x2160   81 frames, 30 fps, 50 steps, cfg 5, shift 5, euler\n"
        "  bundled demo   448x256    17 frames   8 fps  24 steps  cfg 3  shift 3  euler\n"
        "The negative prompt is the published one of Wan and T3, for the demo an empty one. A diffusers folder's\n"
        "scheduler_config.json decides on solver and shift. An interrupted run goes on from its job folder when the "
        "same\n"
        "command is given again.\n\n"
        "Examples:\n"
        "  t3video generate -p \"A red ball drifts left over green hills.\" -o ball.mp4\n"
        "  t3video generate --model Wan2.1-T2V-1.3B --dit T3-Video-Wan2.1-T2V-1.3B.safetensors --size 3840x2160 \\\n"
        "                   -p \"A glacier calves into a calm bay.\" -o glacier.mp4");
}

void GenerateOptions::run() {
    auto& request = film.request;
    require_valid(noise == "cpu" || noise == "cuda", "--noise ", noise, ": expected cpu or cuda");
    request.noise = noise == "cpu" ? pipeline::NoiseSource::cpu : pipeline::NoiseSource::cuda;
    request.contact_sheet = !no_contact_sheet;
    film.finish();
    set_quiet(quiet);
    Context ctx = film.compute.context();
    Progress progress = Progress::for_stderr(quiet);
    const pipeline::Result result = pipeline::generate(ctx, request, progress);
    const auto& sheet = result.contact_sheet;
    log_info(fmt::format("Wrote {}{} in {}", result.video.string(), sheet.empty() ? "" : " and " + sheet.string(),
                         format_duration(result.seconds)));
}

}  // namespace

void add_generate(CLI::App& program, Action& chosen) {
    auto* command = program.add_subcommand("generate", "Make a video file from a prompt");
    const auto options = std::make_shared<GenerateOptions>();
    options->add_to(*command);
    command->callback([options, &chosen] { chosen = [options] { options->run(); }; });
}

}  // namespace t3video::apps
