// t3video plan: the time and memory that a film will take, without making it.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/common/film_options.h"
#include "apps/common/options.h"
#include "apps/common/terminal.h"
#include "apps/common/tongue.h"
#include "core/error.h"
#include "core/readable_bytes.h"
#include "film/published.h"

namespace t3video::apps {
namespace {

struct PlanOptions {
    film::Request request;
    ComputeOptions compute;
    std::string published;
    bool json = false;

    void run();

  private:
    // Those of the released sizes, and a small decoder's from its file.
    film::Networks published_networks() const {
        film::Networks networks = film::published_networks(published);
        film::ModelFiles files;
        film::set_decoder(files, request.parts);
        if (!files.decoder.empty()) film::add_decoder(files, networks);
        return networks;
    }
};

double flop(const Work& work) {
    return work.matrix + work.attention + work.convolution;
}

void row(const std::string& name, double flops, double seconds, size_t bytes, const std::string& remark = "") {
    fmt::print("{:<9} {:>10.3g} {:>14} {:>10}{}\n", name, flops / 1e12, format_duration(seconds), readable_bytes(bytes),
               remark);
}

void print_table(const session::Estimate& estimate) {
    const auto& [film, machine, plan, refusal] = estimate;
    const auto& s = film.settings;
    fmt::print("Film {}x{}, {} frames, {} steps of {}, cfg {}; {} tokens, {}\n\n", s.width, s.height, s.frames, s.steps,
               s.solver, s.cfg, film.size.grid.tokens(), film.attention.origin);
    fmt::print("{:<9} {:>10} {:>14} {:>10}\n", "stage", "TFLOP", "time", "memory");
    double flops = 0;
    for (const auto& stage : plan.stages) {
        flops += flop(stage.work);
        row(stage.name, flop(stage.work), stage.seconds, stage.total(), stage.about_weights());
    }
    row("all", flops, plan.seconds(), plan.bytes());
    fmt::print("\nAllowed: {}. {}\n", plan.about_allowed(),
               machine.on_cpu() ? "Weights stay in their mapped files; only packed ones are counted."
                                : "Weights and libraries are counted.");
    fmt::print("Reading files from disk and writing the film come on top of the time.\n");
}

void print_json(const session::Estimate& estimate) {
    const auto& [film, machine, plan, refusal] = estimate;
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
                          {"at_most", stage.at_most},
                          {"packed", stage.residency == nn::Residency::packed},
                          {"seconds", stage.seconds},
                          {"memory_bytes", stage.total()}});
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
    const bool with_files = published.empty();
    require_valid(with_files || request.model.empty(), "--published and --model exclude each other");
    require_valid(with_files || request.parts.loras.empty(), "--published and --lora exclude each other");
    session::Session session = compute.session();
    Terminal terminal(false);
    const session::Estimate estimate =
        with_files ? session.estimate(request, terminal, interrupts())
                   : session.estimate(request, {}, published_networks(), terminal, interrupts());
    if (json) {
        print_json(estimate);
    } else {
        print_table(estimate);
    }
    std::fflush(stdout);
    if (!estimate.refusal.empty()) throw InvalidRequest(estimate.refusal);
}

}  // namespace

void add_plan(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("plan", "Show the time and memory that a film will take, without making it");
    const auto o = std::make_shared<PlanOptions>();
    add_film_options(*c, o->request, is_planned);
    o->compute.add_to(*c);
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
