// t3video resume and t3video decode: go on with a job folder, by the command that it holds.
#include <filesystem>
#include <memory>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/generate.h"
#include "core/log.h"
#include "pipeline/decode_again.h"
#include "pipeline/job.h"

namespace t3video::apps {
namespace {

// As for --like: codec, bits and quality of the first film hold for a file of its kind, and bits and quality not beside
// another codec.
void drop_other_format(std::vector<std::string>& words, const std::vector<std::string>& further) {
    const FilmCommand before = parse_film(words);
    std::vector<std::string> all = words;
    pipeline::drop_options(all, {"--codec", "--bits", "--crf"});
    all.insert(all.end(), further.begin(), further.end());
    const FilmCommand after = parse_film(all);
    if (media::output_kind(after.request.output) != media::output_kind(before.request.output))
        return pipeline::drop_options(words, {"--codec", "--bits", "--crf"});
    if (after.request.codec) pipeline::drop_options(words, {"--bits", "--crf"});
}

// The command that is in the folder, with the words that follow it here.
void go_on(const std::filesystem::path& folder, const std::vector<std::string>& further, bool only_decode) {
    std::vector<std::string> words = pipeline::command_of_job(folder);
    std::erase(words, "--overwrite");  // for whoever gave it, once
    if (only_decode) {
        std::erase(words, "--quiet");
        drop_other_format(words, further);
    }
    words.insert(words.end(), further.begin(), further.end());
    words.insert(words.end(), {"--job", folder.string()});  // it may have been moved
    FilmCommand film = parse_film(words);
    film.request.existing_job = true;
    film.request.further_inputs.push_back(folder / "request.json");
    Context ctx = film.context();
    if (!only_decode) return make_film(ctx, film);
    set_quiet(film.quiet);
    Progress progress = Progress::for_stderr(film.quiet);
    report(pipeline::decode_again(ctx, film.request, progress));
}

void add(CLI::App& program, Action& chosen, const char* name, const char* what, const char* footer, bool only_decode) {
    auto* c = program.add_subcommand(name, what);
    const auto folder = std::make_shared<std::filesystem::path>();
    c->add_option("JOB", *folder, "Job folder, such as film.job")->required()->type_name("");
    c->allow_extras();
    c->footer(footer);
    c->callback([c, folder, only_decode, &chosen] {
        chosen = [folder, further = c->remaining(), only_decode] { go_on(*folder, further, only_decode); };
    });
}

}  // namespace

void add_resume(CLI::App& program, Action& chosen) {
    add(program, chosen, "resume", "Go on with an interrupted film",
        "Options of t3video generate may follow, as far as they do not change the film: --threads, --device,\n"
        "--memory, --preview, --quiet.\n\n"
        "Example:\n"
        "  t3video resume glacier.job --threads 8",
        false);
}

void add_decode(CLI::App& program, Action& chosen) {
    add(program, chosen, "decode", "Write a finished job's film again, with other media options",
        "Options of t3video generate may follow, as far as they do not change the latents: --output, --codec, --bits,\n"
        "--crf, --fps, --vae, --no-record, --no-contact-sheet, --overwrite. Codec, bits and quality of the job's own\n"
        "film hold for a file of the same kind. Of the model only the VAE is needed: --model DIR or --vae FILE where "
        "it\n"
        "has moved.\n\n"
        "Example:\n"
        "  t3video decode glacier.job --output glacier.mov --crf 12",
        true);
}

}  // namespace t3video::apps
