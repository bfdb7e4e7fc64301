// t3video evaluate: films measured, alone and against others.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/evaluate_table.h"
#include "apps/cli/evaluate_twins.h"
#include "apps/common/batch_list.h"
#include "apps/common/film_options.h"
#include "apps/common/interrupt.h"
#include "apps/common/log.h"
#include "apps/common/options.h"
#include "apps/common/progress.h"
#include "apps/common/tongue.h"
#include "core/error.h"
#include "core/new_folder.h"
#include "core/output_file.h"
#include "core/parallel.h"
#include "core/text_lines.h"
#include "evaluation/report.h"
#include "evaluation/run.h"
#include "evaluation/scorer.h"
#include "evaluation/vmaf.h"
#include "evaluation/windows.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;
using evaluation::Metric;

struct EvaluateOptions {
    std::vector<std::string> sets, metrics, scorers;
    std::string reference;
    fs::path prompts, layout, output = "evaluation";
    film::Request model;  // its fields of the model alone
    ComputeOptions compute;
    const CLI::App* command = nullptr;
    double scorer_seconds = 600;
    bool full_attention = false, describe = false, quiet = false;

    std::vector<const Metric*> wanted() const;
    evaluation::WindowsOfFilm windows() const;
    std::vector<std::string> film_words() const;
    evaluation::RunOptions run_options() const;
    void check_making() const;
    void run() const;
    void tell(const evaluation::Evaluation& found) const;
};

// "psnr, ssim" -> each, where there is one.
std::vector<std::string> names_in(const std::string& list) {
    std::vector<std::string> names;
    for (size_t begin = 0; begin <= list.size();) {
        const size_t end = std::min(list.find(',', begin), list.size());
        if (const std::string name(trimmed(list.substr(begin, end - begin))); !name.empty()) names.push_back(name);
        begin = end + 1;
    }
    return names;
}

[[noreturn]] void refuse_metric(const std::string& name) {
    std::string names;
    for (const Metric* known : evaluation::all_metrics()) names += concat(names.empty() ? "" : ", ", known->name);
    throw InvalidRequest(concat("--metrics ", name, ": expected some of ", names));
}

std::vector<const Metric*> EvaluateOptions::wanted() const {
    std::vector<const Metric*> chosen;
    if (metrics.empty()) {
        std::ranges::copy_if(evaluation::all_metrics(), std::back_inserter(chosen),
                             [](const Metric* metric) { return evaluation::can_measure(*metric); });
    }
    for (const std::string& list : metrics) {
        const std::vector<std::string> names = names_in(list);
        if (names.empty()) refuse_metric(list);
        for (const std::string& name : names) {
            const Metric* metric = evaluation::find_metric(name);
            if (!metric) refuse_metric(name);
            require_valid(evaluation::can_measure(*metric), "--metrics ", name,
                          ": needs OpenCV, which this build of t3video lacks");
            if (std::ranges::count(chosen, metric) == 0) chosen.push_back(metric);
        }
    }
    return chosen;
}

// Options of a model and of computing say what films are made with, and in which windows they were made.
void EvaluateOptions::check_making() const {
    if (full_attention)
        compute.context();  // refuses devices and types
    else
        require_valid(compute.device == "cpu" && (compute.dtype.empty() || compute.dtype == "f32"),
                      compute.device != "cpu" ? "--device " + compute.device : "--dtype " + compute.dtype,
                      ": belongs to --full-attention; films are measured on the CPU, in f32");
    const bool has_model = !model.model.empty();
    for (const CLI::Option* option : command->get_options()) {
        const bool of_model = option->get_group() == "Model" && option->count() > 0;
        require_valid(!of_model || has_model || full_attention, option->get_name(),
                      ": belongs to --full-attention, or to --model, whose windows are looked for");
    }
    if (has_model) film::find_model(model.model, model.parts);  // refuses what is not there
}

evaluation::WindowsOfFilm EvaluateOptions::windows() const {
    if (!layout.empty()) return evaluation::windows_of_file(layout);
    if (model.model.empty()) return nullptr;
    const film::ModelFiles files = film::find_model(model.model, model.parts);
    const models::WanVae vae = models::WanVae::load(files.need(film::Part::vae));
    return evaluation::windows_of_model(files, film::traits_of(vae.config()).cell);
}

// Prompts of a list by the names that batch gives their films.
std::map<std::string, std::string> prompts_of(const fs::path& list) {
    std::map<std::string, std::string> prompts;
    if (list.empty()) return prompts;
    const std::vector<BatchItem> items = read_batch_list(list).items;
    for (size_t i = 0; i < items.size(); ++i) prompts[film_name(i)] = items[i].prompt;
    return prompts;
}

// "00003, 00005, 00007 and 12 more".
std::string first_of(const std::vector<std::string>& names) {
    constexpr size_t kNamed = 5;
    const size_t named = std::min(names.size(), kNamed);
    const auto end = names.begin() + static_cast<std::ptrdiff_t>(named);
    return fmt::format("{}{}", fmt::join(names.begin(), end, ", "),
                       named < names.size() ? fmt::format(" and {} more", names.size() - named) : "");
}

// Reads which films are in a set, and says which of them will not be asked for what.
evaluation::FilmSet read_set(const std::string& text, const evaluation::RunOptions& run) {
    evaluation::FilmSet set = evaluation::find_films(text);
    if (!set.not_read.empty()) log_warning(fmt::format("{}: not read: {}", set.name, set.not_read));
    std::vector<std::string> missing, other;
    for (const evaluation::MissingFilm& film : evaluation::missing_films(set, run.prompts))
        missing.push_back(film.name);
    if (!missing.empty()) {
        log_warning(fmt::format("{}: {} of {} prompts {} no film here: {}", set.name, missing.size(),
                                run.prompts.size(), missing.size() == 1 ? "has" : "have", first_of(missing)));
    }
    for (const evaluation::FilmFile& film : set.films) {
        if (!run.prompts.empty() && !run.prompts.contains(film.name)) other.push_back(film.name);
    }
    if (!other.empty()) {
        const std::string &first = run.prompts.begin()->first, &last = run.prompts.rbegin()->first;
        log_warning(fmt::format("{}: no prompt of the list is that of {}; its films are called {}{}", set.name,
                                first_of(other), first, first == last ? "" : " to " + last));
    }
    if (!run.scorers.empty() && std::ranges::any_of(set.films, &evaluation::FilmFile::latents))
        log_warning(fmt::format("{}: these are latents, and scorers need films: none is run", set.name));
    return set;
}

bool is_of_model(const film::RequestField& field) {
    return std::string_view(field.group) == "Model";
}

// The options of model and computing that were given, as t3video generate takes them.
std::vector<std::string> EvaluateOptions::film_words() const {
    std::vector<std::string> words;
    for (const CLI::Option* option : command->get_options()) {
        if (option->count() == 0 || (option->get_group() != "Model" && option->get_group() != "Computing")) continue;
        if (option->get_items_expected_max() == 0) {
            words.push_back(option->get_name());
            continue;
        }
        for (const std::string& value : option->results()) words.insert(words.end(), {option->get_name(), value});
    }
    return words;
}

evaluation::RunOptions EvaluateOptions::run_options() const {
    evaluation::RunOptions run;
    run.prompts = prompts_of(prompts);
    for (const std::string& text : scorers) {
        evaluation::Scorer scorer = evaluation::parse_scorer(text);
        require_valid(std::ranges::count(run.scorers, scorer.name, &evaluation::Scorer::name) == 0, "--scorer ", text,
                      ": there are two scorers called ", scorer.name, "; expected different names");
        run.scorers.push_back(std::move(scorer));
    }
    for (const std::string& set : sets) run.sets.push_back(read_set(set, run));
    require_valid(reference.empty() || !full_attention,
                  "--reference and --full-attention are two kinds of reference; leave one out");
    check_making();
    run.metrics_by_name = !metrics.empty();
    run.measure.metrics = wanted();
    run.measure.windows = windows();
    run.measure.program_seconds = scorer_seconds;
    run.measure.threads = compute.threads == 0 ? available_threads() : compute.threads;
    run.measure.memory = compute.bytes();
    run.measure.words = [](const Message& message) { return message.in(command_line()); };
    require_valid(!full_attention || run.sets.size() == 1, "--full-attention takes one set of films; ", run.sets.size(),
                  " are given");
    const auto named = std::ranges::find(run.sets, reference, &evaluation::FilmSet::name);
    if (full_attention) {
        run.sets.insert(run.sets.begin(), {kTwins, output / "full-attention", {}});  // which are made later
        run.reference = 0;
    } else if (named != run.sets.end()) {
        run.reference = static_cast<size_t>(named - run.sets.begin());
        require_valid(run.sets.size() > 1, "--reference ", reference,
                      ": is the only set; expected another one to compare with it");
    } else if (!reference.empty()) {
        run.sets.insert(run.sets.begin(), read_set(reference, run));
        run.reference = 0;
    }
    check_names(run.sets);
    const bool asks = std::ranges::any_of(run.measure.metrics, [](const Metric* m) { return m->name == "vmaf"; });
    if (run.reference && asks) run.measure.vmaf = evaluation::find_vmaf();
    evaluation::check_metrics(run);
    return run;
}

class Console final : public evaluation::RunObserver {
  public:
    explicit Console(bool quiet) : progress_(Progress::for_stderr(quiet)) {}

    void begins(size_t films) override { progress_.begin("Measure", static_cast<int64_t>(films), "films"); }
    void advanced(size_t done, const std::string& film, int64_t frames) override {
        progress_.advance(static_cast<int64_t>(done), fmt::format("{}, frame {}", film, frames));
    }
    void measured(const evaluation::FilmResult&) override { progress_.advance(static_cast<int64_t>(++done_)); }
    void ends() override { progress_.end(); }

  private:
    Progress progress_;
    size_t done_ = 0;
};

void EvaluateOptions::run() const {
    if (describe) return print_metrics();
    require_valid(!sets.empty(), "expected films: t3video evaluate FILMS... (t3video evaluate --help explains them)");
    set_quiet(quiet);
    const UnsavedWork work;
    evaluation::RunOptions options = run_options();
    const NewFolder folder(output, Message(Field("output", output.string())));
    try {
        evaluation::check_reports(output);
        if (full_attention)
            options.sets.front() = make_twins(options.sets.back(), options.sets.front().path, film_words(), quiet);
        Console console(quiet);
        evaluation::Evaluation found = evaluation::evaluate(options, console, interrupts());
        found.version = T3VIDEO_VERSION;
        const auto measured = [](const evaluation::SetResult& set) { return !set.films.empty(); };
        if (std::ranges::none_of(found.sets, measured)) throw Stopped(Message("stopped before a film was measured"));
        if (!quiet) print_means(found);
        evaluation::write_reports(found, output);
        tell(found);
    } catch (const WriteError& error) {  // a full disk: room can be made
        throw InvalidRequest(error.message());
    }
}

// Where the report is, and what it lacks.
void EvaluateOptions::tell(const evaluation::Evaluation& found) const {
    log_info(fmt::format("Report {}", (output / "index.html").string()));
    const std::vector<std::string> failures = evaluation::failures_of(found);
    for (const std::string& failure : failures) log_warning(failure);
    if (found.left > 0)
        throw Stopped(
            Message("stopped; the report is of the films that were measured by then, and lacks ", found.left));
    if (failures.empty()) return;
    throw InvalidRequest(fmt::format("{} {} not be measured or compared, as listed above; the report holds the rest",
                                     failures.size(),
                                     failures.size() == 1 ? "film or score could" : "films or scores could"));
}

}  // namespace

void add_evaluate(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("evaluate", "Measure films, alone and against others");
    const auto o = std::make_shared<EvaluateOptions>();
    c->add_option("FILMS", o->sets,
                  "Sets of films: a video, a folder of PNG pictures, latents (.safetensors), or a folder of these; "
                  "NAME=PATH gives a set a name")
        ->type_name("");
    c->add_option("--reference", o->reference,
                  "What others are compared with: the name of one of the sets, or another set. Films are matched by "
                  "their names; a single film is compared with all")
        ->type_name("FILMS");
    c->add_flag("--full-attention", o->full_attention,
                "Compare with the same films made with full attention, where that can run; they go to a folder of the "
                "output. The model is that of their records, or the options of a model say which");
    c->add_option("--output,-o", o->output, "Folder of the report: index.html, evaluation.json, evaluation.csv")
        ->capture_default_str()
        ->type_name("DIR");
    const char* const measuring = "Measuring";
    c->add_option("--metrics", o->metrics, "Some of the metrics (default: all that can be measured)")
        ->allow_extra_args(false)  // what follows are films
        ->type_name("NAME[,NAME]")
        ->group(measuring);
    c->add_option("--layout", o->layout,
                  "Windows that the films were made in, whose seams are looked for (default: those of --model)")
        ->type_name("FILE")
        ->group(measuring);
    c->add_flag("--describe", o->describe, "Print what each metric is, and end")->group(measuring);
    const char* const scoring = "Prompts and scorers";
    c->add_option("--prompts", o->prompts,
                  "List that t3video batch made the films of (default: the prompts in the films' records)")
        ->type_name("LIST")
        ->group(scoring);
    c->add_option("--scorer", o->scorers,
                  "A command that is given a film and a prompt as two further words and prints a number; again for "
                  "further ones")
        ->type_name("NAME=COMMAND")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group(scoring);
    c->add_option("--scorer-seconds", o->scorer_seconds, "Time that a scorer has for a film")
        ->check(between(0.1, 1e6))
        ->type_name("S")
        ->capture_default_str()
        ->group(scoring);
    add_film_options(*c, o->model, is_of_model);
    o->compute.add_to(*c);
    c->add_flag("--quiet", o->quiet, "Print nothing but errors and what could not be measured");
    c->footer(
        "What each number means, and what it does not see: t3video evaluate --describe. None replaces watching; the "
        "page\n"
        "plays films side by side, in step, with their difference.\n\n"
        "Examples:\n"
        "  t3video evaluate film.mp4\n"
        "  t3video evaluate t3=films-t3 lora=films-lora --reference full=films-full --prompts prompts.json\n"
        "  t3video evaluate films --full-attention --model models/demo\n"
        "  t3video evaluate films --scorer \"clip=python3 clip_score.py\"");
    o->command = c;
    c->callback([o, &chosen] { chosen = [o] { o->run(); }; });
}

}  // namespace t3video::apps
