// t3video resume and t3video decode: go on with a job folder, by the command that it holds.
#include <filesystem>
#include <memory>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/generate.h"
#include "pipeline/job.h"

namespace t3video::apps {
namespace {

// The command that is in the folder, with the words that follow it here.
void go_on(const std::filesystem::path& folder, const std::vector<std::string>& further, bool only_decode) {
    std::vector<std::string> words = pipeline::command_of_job(folder);
    words.insert(words.end(), further.begin(), further.end());
    words.insert(words.end(), {"--job", folder.string()});  // it may have been moved
    FilmCommand film = parse_film(words);
    film.request.existing_job = true;
    film.request.only_decode = only_decode;
    Context ctx = film.compute.context();
    make_film(ctx, film);
}

void add(CLI::App& program, Action& chosen, const char* name, const char* what, const char* footer, bool only_decode) {
    auto* c = program.add_subcommand(name, what);
    const auto folder = std::make_shared<std::filesystem::path>();
    c->add_option("JOB", *folder, "Job folder, such as film.job")->required();
    c->allow_extras();
    c->footer(footer);
    c->callback([c, folder, only_decode, &chosen] {
        chosen = [folder, further = c->remaining(), only_decode] { go_on(*folder, further, only_decode); };
    });
}

}  // namespace

void add_resume(CLI::App& program, Action& chosen) {
    add(program, chosen, "resume", "Go on with an interrupted film",
        "Options of t3video generate may follow, as far as they do not change the film: --threads, --device, "
        "--memory,\n"
        "--preview, --quiet.\n\n"
        "Example:\n"
        "  t3video resume glacier.job --threads 8",
        false);
}

void add_decode(CLI::App& program, Action& chosen) {
    add(program, chosen, "decode", "Write a finished job's film again, with other media options",
        "Options of t3video generate may follow, as far as they do not change the latents: --output, --crf and the\n"
        "other options of the file, --fps, --vae, --no-contact-sheet.\n\n"
        "Example:\n"
        "  t3video decode glacier.job --output glacier.mov --crf 12",
        true);
}

}  // namespace t3video::apps
