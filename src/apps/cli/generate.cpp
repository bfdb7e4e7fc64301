// t3video generate: a prompt in, a film out.
#include "apps/cli/generate.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "apps/cli/commands.h"
#include "apps/common/film_options.h"
#include "apps/common/like_film.h"
#include "apps/common/terminal.h"
#include "core/error.h"
#include "core/paths.h"
#include "film/field_values.h"
#include "film/fields.h"
#include "job/job.h"

namespace t3video::apps {
namespace {

constexpr std::string_view kSeed = "--seed";

struct GenerateOptions {
    film::Request request;
    ComputeOptions compute;
    std::filesystem::path like;
    CLI::App* command = nullptr;
    bool quiet = false;

    void add_to(CLI::App& command);
    FilmCommand finish();
};

void GenerateOptions::add_to(CLI::App& c) {
    command = &c;
    c.add_option("--like", like,
                 "Film that t3video wrote: take its prompt, model and settings, but for options that are given here")
        ->type_name("FILE");
    add_film_options(c, request, is_any);
    compute.add_to(c);
    c.add_flag("--quiet", quiet, "Print nothing but errors")->group("Computing");
    c.footer(
        "Defaults of size, frames, fps, steps, cfg, shift and solver follow the model; `t3video inspect DIR` shows a "
        "model's own:\n"
        "  Wan2.1         832x480    81 frames  16 fps  50 steps  cfg 5  shift 5  unipc\n"
        "  TI2V-5B        1280x704  121 frames  24 fps  50 steps  cfg 5  shift 5  unipc\n"
        "  at 3840x2160   81 frames, 30 fps, 50 steps, cfg 5, shift 5, euler\n"
        "  bundled demo   448x256    17 frames   8 fps  24 steps  cfg 3  shift 3  euler\n"
        "The negative prompt is the published one of Wan and T3, for the demo an empty one. A diffusers folder's\n"
        "scheduler_config.json decides on solver and shift. Few-step students that are told by their files' names\n"
        "(FastWan, CausVid, Self-Forcing, lightx2v's 4 steps, rCM) bring solver, steps, shift and cfg 1.\n"
        "An interrupted run (Ctrl-C, a full disk, a crash) goes on from its job folder when the same command is given\n"
        "again, or by t3video resume; a film that is finished stays. Files that t3video did not write for this film\n"
        "are never replaced without --overwrite.\n\n"
        "Examples:\n"
        "  t3video generate -p \"A red ball drifts left over green hills.\" -o ball.mp4\n"
        "  t3video generate --model Wan2.1-T2V-1.3B --dit T3-Video-Wan2.1-T2V-1.3B.safetensors --size 3840x2160 \\\n"
        "                   -p \"A glacier calves into a calm bay.\" -o glacier.mp4");
}

// The options as words, paths made absolute, and a seed that was drawn as it fell. What --like brought is among them.
std::vector<std::string> words_of(const CLI::App& command, const film::Request& request) {
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
            if (name == kSeed) words.back() = std::to_string(request.seed);
        }
    }
    if (!request.output.empty()) words.insert(words.end(), {"--output", absolute_path(request.output).string()});
    return words;
}

// Whether two commands make the same film but for its seed.
bool differ_in_seed_alone(const film::Request& a, const film::Request& b) {
    return std::ranges::all_of(film::fields(), [&](const film::RequestField& field) {
        return !field.recorded() || field.name == kSeed.substr(2) || field.get(a) == field.get(b);
    });
}

// The seed that an earlier run of the same command drew for the film of this job: the command goes on with it.
std::optional<uint64_t> seed_drawn_before(const std::filesystem::path& job, const std::vector<std::string>& words) try {
    if (!job::is_job_folder(job)) return std::nullopt;
    const film::Request before = parse_film(job::front_door_of(job).get<std::vector<std::string>>()).request;
    return differ_in_seed_alone(before, parse_film(words).request) ? std::optional(before.seed) : std::nullopt;
} catch (const InvalidRequest&) {
    return std::nullopt;
} catch (const nlohmann::json::exception&) {
    return std::nullopt;
}

FilmCommand GenerateOptions::finish() {
    if (!like.empty()) {
        take_options_of(like, *command, request.output.empty() ? media::default_output() : request.output);
        request.further_inputs.push_back(like);
    }
    require_valid(command->count("--prompt") > 0,
                  "--prompt is required, or --like FILM (t3video generate --help explains the options)");
    const CLI::Option& seed = *command->get_option(std::string(kSeed));
    const bool drawn = seed.count() > 0 && seed.results().back() == film::kDrawnSeed;
    if (drawn && !request.output.empty() && !request.overwrite)
        request.seed = seed_drawn_before(request.job_folder(), words_of(*command, request)).value_or(request.seed);
    request.front_door =
        nlohmann::json(words_of(*command, request)).dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
    return {request, compute, quiet};
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

session::Session FilmCommand::session(session::Lifetime lifetime) const {
    watch_interrupts();
    return compute.session(lifetime);
}

void make_film(session::Session& session, const FilmCommand& film, const std::string& title) {
    Terminal terminal(film.quiet, title);
    report(session.make(film.request, terminal, interrupts()));
}

void add_generate(CLI::App& program, Action& chosen) {
    auto* command = program.add_subcommand("generate", "Make a film from a prompt, and from a picture or a video");
    const auto options = std::make_shared<GenerateOptions>();
    options->add_to(*command);
    command->callback([options, &chosen] {
        chosen = [options] {
            const FilmCommand film = options->finish();
            session::Session session = film.session();
            make_film(session, film);
        };
    });
}

}  // namespace t3video::apps
