// t3video generate: a prompt in, a film out.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/generate.h"
#include "apps/common/film_options.h"
#include "apps/common/like_film.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/paths.h"
#include "pipeline/generate.h"

namespace t3video::apps {
namespace {

struct GenerateOptions {
    FilmOptions film;
    std::string noise = "cpu";
    std::string codec, fps;
    std::filesystem::path like;
    CLI::App* command = nullptr;
    bool no_contact_sheet = false, no_record = false, quiet = false;

    void add_to(CLI::App& command);
    FilmCommand finish();
};

void GenerateOptions::add_to(CLI::App& c) {
    auto& r = film.request;
    command = &c;
    c.add_option("--prompt,-p", r.prompt, "What the film shows, in a sentence or a paragraph")->type_name("TEXT");
    c.add_option("--output,-o", r.output,
                 "Video file to write: .mp4, .mkv, .mov (builds with FFmpeg), .y4m (uncompressed); or a folder "
                 "(frames/) or pattern (frames/%05d.png, .exr) for one PNG or EXR per frame (default: a file here, "
                 "named after prompt and seed)")
        ->type_name("FILE");
    c.add_flag("--overwrite", r.overwrite, "Replace what is there under the output's name, other than inputs");
    c.add_option("--like", like,
                 "Film that t3video wrote: take its prompt, model and settings, but for options that are given here")
        ->type_name("FILE");
    film.add_to(c);

    const std::string file = "Film", sampling = "Sampling";
    c.add_option("--fps", fps, "Frames per second of the file, such as 24 or 24000/1001")
        ->type_name("RATE")
        ->group(file);
    c.add_option("--codec", codec,
                 "h264 (the default), hevc, av1 (.mp4, .mkv), prores (.mov, .mkv), as FFmpeg has them")
        ->type_name("NAME")
        ->group(file);
    c.add_option("--bits", r.bits,
                 "Per channel: h264 8 or 10; hevc, av1 10 or 8; prores 10; PNG 8 or 16; EXR 16 or 32 (floats)")
        ->type_name("N")
        ->group(file);
    c.add_option("--crf", r.crf,
                 "Quality of h264 and hevc from 0 (lossless) to 51 (worst), of av1 from 1 to 63 (defaults 18, 20, 25)")
        ->type_name("N")
        ->group(file);
    c.add_flag("--no-record", no_record, "Do not write into the film how it was made")->group(file);
    c.add_flag("--no-contact-sheet", no_contact_sheet, "Do not write a PNG of the film's frames beside it")
        ->group(file);
    c.add_option("--negative", r.settings.negative_prompt, "What the film should not look like")
        ->type_name("TEXT")
        ->group(sampling);
    c.add_option("--seed", r.seed, "Another seed makes another film of the same prompt")
        ->capture_default_str()
        // The parser would take what is too large or negative for another.
        ->check([](const std::string& text) -> std::string {
            uint64_t seed = 0;
            const char* end = text.data() + text.size();
            const auto [rest, error] = std::from_chars(text.data(), end, seed);
            return error == std::errc() && rest == end ? "" : text + ": expected 0 to 18446744073709551615";
        })
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
    c.add_option("--preview", r.preview_every,
                 "Every N steps, write a small picture of the middle of the film beside the output (.preview.png)")
        ->type_name("N")
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
        "scheduler_config.json decides on solver and shift. An interrupted run (Ctrl-C, a full disk,\n"
        "a crash) goes on from its job folder when the same command is given again, or by t3video resume; a film that\n"
        "is finished stays. Files that t3video did not write for this film are never replaced without --overwrite.\n\n"
        "Examples:\n"
        "  t3video generate -p \"A red ball drifts left over green hills.\" -o ball.mp4\n"
        "  t3video generate --model Wan2.1-T2V-1.3B --dit T3-Video-Wan2.1-T2V-1.3B.safetensors --size 3840x2160 \\\n"
        "                   -p \"A glacier calves into a calm bay.\" -o glacier.mp4");
}

// The options as words, paths made absolute. What --like brought is among them.
std::vector<std::string> words_of(const CLI::App& command, const std::filesystem::path& output) {
    std::vector<std::string> words;
    for (const CLI::Option* option : command.get_options()) {
        const std::string name = option->get_name();
        const bool once = name == "--like" || name == "--output" || name == "--overwrite";  // of this run alone
        if (option->count() == 0 || once || !name.starts_with("--")) continue;
        const std::string type = option->get_type_name();
        const bool flag = option->get_items_expected_max() == 0;
        const bool path = type.starts_with("FILE") || type.starts_with("DIR");
        for (const std::string& value : option->results()) {
            words.push_back(name);
            if (!flag) words.push_back(path ? absolute_path(value).string() : value);
        }
    }
    if (!output.empty()) words.insert(words.end(), {"--output", absolute_path(output).string()});
    return words;
}

FilmCommand GenerateOptions::finish() {
    auto& request = film.request;
    if (!like.empty()) {
        take_options_of(like, *command, request.output.empty() ? media::default_output() : request.output);
        request.further_inputs.push_back(like);
    }
    require_valid(command->count("--prompt") > 0,
                  "--prompt is required, or --like FILM (t3video generate --help explains the options)");
    if (!codec.empty()) request.codec = media::parse_codec(codec);
    if (!fps.empty()) request.settings.fps = parse_fps(fps);
    request.record = !no_record;
    require_valid(noise == "cpu" || noise == "cuda", "--noise ", noise, ": expected cpu or cuda");
    request.noise = noise == "cpu" ? pipeline::NoiseSource::cpu : pipeline::NoiseSource::cuda;
    request.contact_sheet = !no_contact_sheet;
    film.finish();
    request.command = words_of(*command, request.output);
    return {request, film.compute, quiet};
}

}  // namespace

FilmCommand parse_film(std::vector<std::string> words, Twice twice) try {
    CLI::App app("", "t3video generate");
    app.set_help_flag();
    if (twice == Twice::last_counts) app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    GenerateOptions options;
    options.add_to(app);
    std::ranges::reverse(words);  // as this parser wants them
    app.parse(words);
    check_values(app);
    return options.finish();
} catch (const CLI::ParseError& error) {
    throw InvalidRequest(concat(explain(error), " (t3video generate --help explains the options)"));
}

Context FilmCommand::context() const {
    watch_interrupts();
    return compute.context();
}

void make_film(Context& ctx, const FilmCommand& film, pipeline::OpenModel* model) {
    set_quiet(film.quiet);
    Progress progress = Progress::for_stderr(film.quiet);
    const pipeline::Result result = model ? pipeline::generate(ctx, film.request, progress, *model)
                                          : pipeline::generate(ctx, film.request, progress);
    report(result);
}

void report(const pipeline::Result& result) {
    const auto& sheet = result.contact_sheet;
    if (result.kept) return log_info(fmt::format("{} is there, as this command makes it", result.video.string()));
    log_info(fmt::format("Wrote {}{} in {}", result.video.string(), sheet.empty() ? "" : " and " + sheet.string(),
                         format_duration(result.seconds)));
}

void add_generate(CLI::App& program, Action& chosen) {
    auto* command = program.add_subcommand("generate", "Make a film from a prompt, and from a picture or a video");
    const auto options = std::make_shared<GenerateOptions>();
    options->add_to(*command);
    command->callback([options, &chosen] {
        chosen = [options] {
            const FilmCommand film = options->finish();
            Context ctx = film.context();
            make_film(ctx, film);
        };
    });
}

}  // namespace t3video::apps
