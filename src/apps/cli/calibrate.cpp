// t3video calibrate: a table of what step caches want to know of a model.
#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "apps/cli/commands.h"
#include "apps/common/film_options.h"
#include "apps/common/log.h"
#include "apps/common/options.h"
#include "apps/common/terminal.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "core/text_lines.h"
#include "session/calibrate.h"

namespace t3video::apps {
namespace {

struct CalibrateCommand {
    film::Request request;
    ComputeOptions compute;
    std::vector<std::string> prompts;
    std::filesystem::path prompt_file, output = "t3-cache.json";
    bool overwrite = false, quiet = false;

    void run();
};

// Fields that make a film's latents, but for what a calibration brings itself.
bool is_of_calibration(const film::RequestField& field) {
    const std::string_view name = field.name;
    return field.recorded() && name != "prompt" && name != "cache" && name != "cache-table" &&
           name != "guidance-interval" && name != "fps";
}

std::vector<std::string> prompts_of(const std::filesystem::path& file) {
    const std::string text = without_mark(read_text_file(file, "prompts, one on each line"), file);
    std::vector<std::string> prompts;
    for (const TextLine& line : lines_of(text)) prompts.emplace_back(line.text);
    require_valid(!prompts.empty(), "--prompts ", file.string(), ": has no prompts, expected one on each line");
    return prompts;
}

void CalibrateCommand::run() {
    set_quiet(quiet);
    if (!prompt_file.empty()) {
        const auto more = prompts_of(prompt_file);
        prompts.insert(prompts.end(), more.begin(), more.end());
    }
    require_valid(!prompts.empty(), "--prompt or --prompts is required: films to measure");
    for (const std::string& prompt : prompts)
        require_valid(!trimmed(prompt).empty(), "--prompt is empty: describe a film in a sentence");
    check_writable(output);
    require_valid(overwrite || !is_there(output), "--output ", output.string(),
                  ": is there; give another name, or --overwrite");
    session::Session session = compute.session();
    Terminal terminal(quiet);
    const film::CacheTable table = session::calibrate(session, request, prompts, terminal, interrupts());
    replace_file(output, film::to_json(table).dump(1) + "\n");
    log_info(fmt::format("Wrote {}", output.string()));
}

}  // namespace

void add_calibrate(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("calibrate", "Measure what the step caches tea, tea-ret and mag know of a model");
    const auto o = std::make_shared<CalibrateCommand>();
    c->add_option("--prompt,-p", o->prompts, "What a measured film shows; again for further films")
        ->type_name("TEXT")
        ->allow_extra_args(false);
    c->add_option("--prompts", o->prompt_file, "File with such a prompt on each line")->type_name("FILE");
    c->add_option("--output,-o", o->output,
                  "Table to write; where it lies beside the transformer's file as "
                  "t3-cache.json, caches find it")
        ->type_name("FILE")
        ->capture_default_str();
    c->add_flag("--overwrite", o->overwrite, "Replace what is there under the output's name");
    c->add_flag("--quiet", o->quiet, "No progress");
    add_film_options(*c, o->request, is_of_calibration);
    o->compute.add_to(*c);
    c->footer(
        "Makes the film of each prompt up to its latents, without a cache, and measures how what the layers add to\n"
        "their stream changes from step to step. Take the size, layout, steps and solver that films are made with.\n\n"
        "Examples:\n"
        "  t3video calibrate --model Wan2.1-T2V-1.3B --prompt \"A cat walks on the grass.\" -o t3-cache.json\n"
        "  t3video generate --model Wan2.1-T2V-1.3B --prompt \"...\" --cache mag --cache-table t3-cache.json");
    c->callback([o, &chosen] { chosen = [o] { o->run(); }; });
}

}  // namespace t3video::apps
