// t3video resume and t3video decode: go on with a job folder, by the command that it holds.
#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/generate.h"
#include "apps/common/terminal.h"
#include "core/error.h"
#include "job/job.h"

namespace t3video::apps {
namespace {

using Words = std::vector<std::string>;

// Takes options that have a value, with it, out of the words of a command.
void drop_options(Words& command, std::initializer_list<std::string_view> options) {
    for (size_t i = 0; i + 1 < command.size();) {
        const bool dropped = std::ranges::find(options, command[i]) != options.end();
        const auto at = command.begin() + static_cast<int64_t>(i);
        if (dropped) {
            command.erase(at, at + 2);
        } else {
            ++i;
        }
    }
}

// As for --like: codec, bits and quality of the first film hold for a file of its kind, and bits and quality not beside
// another codec.
void drop_other_format(Words& words, const Words& further) {
    const FilmCommand before = parse_film(words);
    Words all = words;
    drop_options(all, {"--codec", "--bits", "--crf"});
    all.insert(all.end(), further.begin(), further.end());
    const FilmCommand after = parse_film(all);
    if (media::output_kind(after.request.output) != media::output_kind(before.request.output))
        return drop_options(words, {"--codec", "--bits", "--crf"});
    if (after.request.codec) drop_options(words, {"--bits", "--crf"});
}

// A VAE or a small decoder that is named here decodes, not the one that the command named.
void drop_other_decoder(Words& words, const Words& further) {
    const auto names = [&](const char* option) {
        return std::ranges::any_of(further, [&](const std::string& word) {
            return word == option || word.starts_with(std::string(option) + "=");
        });
    };
    if (names("--decoder") || names("--vae")) drop_options(words, {"--decoder", "--decoder-latents"});
}

// The command that made the folder; with the name that its film was given where it gave none.
Words command_of(const std::filesystem::path& folder) try {
    auto words = job::front_door_of(folder).get<Words>();
    const nlohmann::json request = job::request_of_job(folder);
    if (std::ranges::find(words, "--output") == words.end() && request.contains("output"))
        words.insert(words.end(), {"--output", request["output"].get<std::string>()});
    return words;
} catch (const nlohmann::json::exception&) {
    throw InvalidRequest(concat(folder.string(), ": no command.json that says how the job was started; ",
                                "give the t3video generate command again"));
}

// The command that is in the folder, with the words that follow it here.
void go_on(const std::filesystem::path& folder, const Words& further, bool only_decode) {
    Words words = command_of(folder);
    std::erase(words, "--overwrite");  // for whoever gave it, once
    if (only_decode) {
        std::erase(words, "--quiet");
        drop_other_decoder(words, further);
        drop_other_format(words, further);
    }
    words.insert(words.end(), further.begin(), further.end());
    words.insert(words.end(), {"--job", folder.string()});  // it may have been moved
    FilmCommand film = parse_film(words);
    film.request.existing_job = true;
    film.request.further_inputs.push_back(folder / "request.json");
    session::Session session = film.session();
    if (!only_decode) return make_film(session, film);
    Terminal terminal(film.quiet);
    report(session.decode(film.request, terminal, interrupts()));
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
        "--crf, --fps, --vae, --decoder, --no-record, --no-sound, --no-contact-sheet, --overwrite. Codec, bits and "
        "quality "
        "of the job's\n"
        "own film hold for a file of the same kind. Of the model only the VAE is needed: --model DIR or --vae FILE "
        "where "
        "it\n"
        "has moved, or none where --decoder names a small decoder.\n\n"
        "Example:\n"
        "  t3video decode glacier.job --output glacier.mov --crf 12",
        true);
}

}  // namespace t3video::apps
