// t3video retrofit: trains a transformer on encoded clips, in T3's windows.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "apps/cli/commands.h"
#include "apps/common/field_options.h"
#include "apps/common/interrupt.h"
#include "apps/common/log.h"
#include "apps/common/options.h"
#include "apps/common/progress.h"
#include "apps/common/terminal.h"
#include "apps/common/tongue.h"
#include "core/error.h"
#include "core/readable_bytes.h"
#include "training/run/fields.h"
#include "training/run/run.h"

namespace t3video::apps {
namespace {

using training::RunField;
using training::RunOptions;
using training::RunPlan;

// Lines about a run on standard error.
class RunTerminal final : public training::RunObserver {
  public:
    explicit RunTerminal(bool quiet) : films_(quiet), progress_(Progress::for_stderr(quiet)) {}

    void planned(const RunOptions& options, const RunPlan& plan) override;
    void starts(int64_t done, int64_t updates) override {
        work_.emplace();
        progress_.begin("train", updates, "updates", done);
    }
    void updated(const training::RunProgress& p) override {
        progress_.advance(p.update, p.skipped ? "skipped: not finite" : fmt::format("loss {:.4f}", p.loss));
    }
    void ends() override { progress_.end(); }
    void stage(const std::string& name, int64_t total, const std::string& unit) override {
        films_.stage(name, total, unit);
    }
    void advanced(int64_t done) override { films_.advanced(done); }
    void stage_ended() override { films_.stage_ended(); }
    void note(const Message& line) override {
        progress_.give_way();
        films_.note(line);
    }
    void warn(const Message& line) override {
        progress_.give_way();
        films_.warn(line);
    }

  private:
    Terminal films_;
    Progress progress_;
    std::optional<UnsavedWork> work_;
};

void RunTerminal::planned(const RunOptions& options, const RunPlan& plan) {
    constexpr size_t kMost = 12;
    log_info(options.rank > 0
                 ? fmt::format("Trains a LoRA of rank {}{}", options.rank,
                               plan.frozen == nn::Residency::streamed ? "; frozen weights are streamed" : "")
                 : "Trains all weights");
    for (size_t i = 0; i < std::min(kMost, plan.buckets.size()); ++i) {
        const training::BucketPlan& b = plan.buckets[i];
        log_info(fmt::format("Plan   {}x{}, {} frames: {} clips of {} tokens, {} and {} each; {} ({})", b.bucket.width,
                             b.bucket.height, b.bucket.frames, b.bucket.clips, b.bucket.grid.tokens(),
                             readable_bytes(b.step.bytes), format_duration(b.clip_seconds), b.windows.origin,
                             film::counts_of(b.windows.layout)));
    }
    if (plan.buckets.size() > kMost) log_info(fmt::format("Plan   and {} smaller sizes", plan.buckets.size() - kMost));
    log_info(
        fmt::format("Plan   {} updates of {} clips: {} or more, {} of {}{}{}", options.all_updates(),
                    options.clips_per_update(), format_duration(plan.seconds), readable_bytes(plan.bytes),
                    readable_bytes(plan.allowed), plan.limit.empty() ? "" : " (" + plan.limit + ")",
                    plan.host_bytes > 0 ? ", and " + readable_bytes(plan.host_bytes) + " of pinned host memory" : ""));
}

struct RetrofitCommand {
    RunOptions options;
    ComputeOptions compute;
    std::filesystem::path resume;
    std::vector<CLI::Option*> fields;
    bool quiet = false, plan = false;

    // Throws InvalidRequest for an option of new runs beside --resume.
    training::ResumeChoices choices() const;
    void run() const;
};

training::ResumeChoices RetrofitCommand::choices() const {
    training::ResumeChoices choices;
    for (const CLI::Option* option : fields) {
        if (option->count() == 0) continue;
        const std::string name = option->get_name();
        if (name == "--updates") {
            choices.updates = options.updates;
        } else if (name == "--keep") {
            choices.keep = options.keep;
        } else if (name == "--save-every") {
            choices.save_every = options.save_every;
        } else {
            throw InvalidRequest(name +
                                 " is for a new run; with --resume go --updates, --keep, --save-every and where "
                                 "to compute");
        }
    }
    return choices;
}

// That makes films of the run's kind with what it exported.
std::string generate_command(const training::RunResult& result) {
    const RunOptions& o = result.options;
    std::string words = "t3video generate";
    const auto add = [&](const char* option, const std::filesystem::path& path) {
        if (!path.empty()) words += concat(" --", option, ' ', shell_word(path));
    };
    add("model", o.model);
    add("dit", o.rank > 0 ? o.parts.dit : result.exported.file);
    add("text-encoder", o.parts.text_encoder);
    add("vae", o.parts.vae);
    add("tokenizer", o.parts.tokenizer);
    if (o.rank > 0) {
        for (const checkpoint::Lora& lora : o.parts.loras)
            add("lora", concat(lora.file.string(), lora.weight == 1 ? "" : fmt::format(":{}", lora.weight)));
        add("lora", result.exported.file);
    }
    return words + fmt::format(" --size {}x{} --frames {}", result.width, result.height, result.frames);
}

void RetrofitCommand::run() const {
    require_valid(resume.empty() || !plan, "--plan is for a new run, and --resume goes on with one");
    RunTerminal terminal(quiet);
    session::Session session = compute.session();
    if (plan) return training::plan_only(session, options, terminal);
    const training::RunResult result = resume.empty()
                                           ? training::begin_run(session, options, terminal, interrupts())
                                           : training::resume_run(session, resume, choices(), terminal, interrupts());
    log_info(fmt::format("Wrote {} and {} in {}", result.exported.file.string(), result.report.string(),
                         format_duration(result.seconds)));
    log_info("To see it: " + generate_command(result) + " --prompt ...");
}

}  // namespace

void add_retrofit(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("retrofit", "Train a model in T3's windows, or fine-tune it, on encoded clips");
    const auto o = std::make_shared<RetrofitCommand>();
    for (const RunField& field : training::run_fields()) o->fields.push_back(add_field(*c, o->options, field));
    c->add_option("--resume", o->resume, "Go on with a run that was interrupted, from its last checkpoint")
        ->type_name("DIR");
    c->add_flag("--plan", o->plan, "Print time and memory of the run, and end");
    o->compute.add_to(*c);
    c->add_flag("--quiet", o->quiet, "Print nothing but warnings and errors");
    c->footer(
        "Clips come from t3video encode. The run's folder gets checkpoints, log.jsonl, report.html, sample films, and "
        "in\n"
        "the end model/ or lora/ with the windows that were learned (t3-layout.json), which t3video generate takes "
        "with\n"
        "--dit or --lora. The model that it begins with is only read. Memory and time are planned before the first "
        "step.\n"
        "Ctrl-C saves a checkpoint; --resume goes on from there, bit for bit.\n\n"
        "Examples:\n"
        "  t3video retrofit --model Wan2.1-T2V-1.3B --data clips-720p:5000 --data clips-4k:500 --output t3 --device "
        "cuda\n"
        "  t3video retrofit --data clips --rank 32 --updates 500 --prompt \"A red ball drifts left over green hills.\" "
        "--output run\n"
        "  t3video retrofit --resume run");
    c->callback([o, &chosen] { chosen = [o] { o->run(); }; });
}

}  // namespace t3video::apps
