// t3video plan: the time and memory that a film will take, without making it.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/common/film_options.h"
#include "core/error.h"
#include "core/progress.h"
#include "pipeline/plan.h"
#include "pipeline/published.h"

namespace t3video::apps {
namespace {

struct PlanOptions {
    FilmOptions film;
    std::string published;
    bool json = false;

    void run();
};

double flop(const Work& work) {
    return work.matrix + work.attention + work.convolution;
}

void row(const std::string& name, double flops, double seconds, size_t bytes, const std::string& remark = "") {
    fmt::print("{:<9} {:>10.3g} {:>14} {:>10}{}\n", name, flops / 1e12, format_duration(seconds),
               pipeline::readable_bytes(bytes), remark);
}

void print_table(const pipeline::Plan& plan, const pipeline::Film& film, const pipeline::Machine& machine) {
    const auto& s = film.settings;
    fmt::print("Film {}x{}, {} frames, {} steps of {}, cfg {}; {} tokens, {}\n\n", s.width, s.height, s.frames, s.steps,
               s.solver, s.cfg, film.frames.grid.tokens(), film.attention.origin);
    fmt::print("{:<9} {:>10} {:>14} {:>10}\n", "stage", "TFLOP", "time", "memory");
    double flops = 0;
    for (const auto& stage : plan.stages) {
        flops += flop(stage.work);
        row(stage.name, flop(stage.work), stage.seconds, stage.bytes, stage.about_weights());
    }
    row("all", flops, plan.seconds(), plan.bytes());
    fmt::print("\nAllowed: {}. {}\n", plan.about_allowed(),
               machine.on_cpu() ? "Weights stay in their mapped files; only packed ones are counted."
                                : "Weights and libraries are counted.");
    fmt::print("Reading files from disk and writing the film come on top of the time.\n");
}

void print_json(const pipeline::Plan& plan, const pipeline::Film& film) {
    const auto& s = film.settings;
    nlohmann::json stages = nlohmann::json::array();
    for (const auto& stage : plan.stages) {
        stages.push_back({{"name", stage.name},
                          {"matrix_flop", stage.work.matrix},
                          {"attention_flop", stage.work.attention},
                          {"convolution_flop", stage.work.convolution},
                          {"moved_bytes", stage.work.bytes},
                          {"weight_bytes", stage.weights},
                          {"streamed", stage.streamed()},
                          {"together", stage.together},
                          {"packed", stage.keep == nn::Keep::packed},
                          {"seconds", stage.seconds},
                          {"memory_bytes", stage.bytes}});
    }
    fmt::print("{}\n", nlohmann::json{{"width", s.width},
                                      {"height", s.height},
                                      {"frames", s.frames},
                                      {"steps", s.steps},
                                      {"stages", stages},
                                      {"seconds", plan.seconds()},
                                      {"memory_bytes", plan.bytes()},
                                      {"allowed_bytes", plan.allowed},
                                      {"fits", plan.too_large() == nullptr}}
                           .dump(2));
}

void PlanOptions::run() {
    film.finish();
    const auto& r = film.request;
    const bool with_files = published.empty();
    require_valid(with_files || r.model.empty(), "--published and --model exclude each other");
    require_valid(with_files || r.parts.loras.empty(), "--published and --lora exclude each other");
    const auto files = with_files
                           ? pipeline::find_model(r.model.empty() ? pipeline::demo_model_folder() : r.model, r.parts)
                           : pipeline::ModelFiles();
    const auto models = with_files ? pipeline::load_models(files) : pipeline::published_models(published);
    const auto traits = models.traits();
    Context ctx = film.compute.context();
    ctx.set_poll(pipeline::stop_planning_if_asked);  // while rates are measured
    const auto input = pipeline::open_input(r.inputs, files, traits, r.settings, pipeline::host_memory(ctx, r.memory));
    const auto choices = pipeline::with_input(input, files, traits, r.settings);
    const auto what = pipeline::make_film(files, traits, choices, r.attention, r.layout);
    auto machine = pipeline::machine_of(ctx, r.memory);
    machine.reading = static_cast<size_t>(pipeline::reading_bytes(input, what.frames));
    auto plan = pipeline::plan_film(models, what, machine);
    plan.estimate(pipeline::rates_of(ctx, pipeline::rates_file()));
    if (json) {
        print_json(plan, what);
    } else {
        print_table(plan, what, machine);
    }
    std::fflush(stdout);
    pipeline::require_fits(plan, models, what, machine, pipeline::other_films(files, traits, choices));
}

}  // namespace

void add_plan(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("plan", "Show the time and memory that a film will take, without making it");
    const auto o = std::make_shared<PlanOptions>();
    o->film.add_to(*c);
    c->add_option("--published", o->published,
                  "Instead of a model folder, the sizes of a released model: wan2.1-1.3b or wan2.2-5b")
        ->type_name("NAME")
        ->group("Model");
    c->add_flag("--json", o->json, "Print JSON");
    c->footer(
        "Work and memory come from running the networks without arithmetic, time from rates that are measured once\n"
        "and kept in ~/.cache/t3video/rates.json. The exit code is 2 where the film does not fit.\n\n"
        "Examples:\n"
        "  t3video plan --model Wan2.1-T2V-1.3B --size 1280x720 --device cuda --memory 24GiB\n"
        "  t3video plan --published wan2.1-1.3b --size 3840x2160");
    c->callback([o, &chosen] { chosen = [o] { o->run(); }; });
}

}  // namespace t3video::apps
