// t3video layout: which windows a film's tokens attend in, what that costs and how far it reaches.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/layout_figure.h"
#include "apps/cli/layout_table.h"
#include "core/error.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "core/printable.h"
#include "film/field_values.h"
#include "film/film.h"
#include "film/published.h"

namespace t3video::apps {
namespace {

struct LayoutOptions {
    std::string size, model = "wan2.1", layout, schedule, svg, output;
    std::optional<int64_t> frames;
    t3::PlanOptions plan;
    bool json = false, overwrite = false;

    void check_results(const std::filesystem::path& reference) const;
    void run();
};

// What a layout is planned for.
struct Subject {
    film::ModelFiles files;  // of a folder
    models::DitConfig dit;
    film::ModelTraits traits;
};

Subject subject_of(const std::string& model) {
    if (!is_folder(model)) {
        const bool wan21 = model == "wan2.1" || model == "wan2.1-1.3b",
                   wan22 = model == "wan2.2" || model == "wan2.2-5b";
        require_valid(wan21 || wan22, "--model ", model, ": expected wan2.1, wan2.2 or the folder of a model");
        const film::Networks networks = film::published_networks(wan22 ? "wan2.2-5b" : "wan2.1-1.3b");
        return {{}, networks.dit().config(), networks.traits()};
    }
    Subject subject{.files = film::find_model(model)};
    subject.dit = models::WanDit::load(subject.files.need(film::Part::dit), subject.files.dit_config).config();
    subject.traits = film::traits_of(models::WanVae::load(subject.files.need(film::Part::vae)).config());
    return subject;
}

std::vector<int64_t> parse_schedule(const std::string& text) {
    std::vector<int64_t> schedule;
    for (size_t at = 0; !text.empty() && at <= text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        const auto number = number_of<int64_t>(text.substr(at, end - at));
        require_valid(number.has_value(), "--schedule ", text, ": expected numbers of patterns, such as 0,1,2,3,4");
        schedule.push_back(*number);
        at = end + 1;
    }
    return schedule;
}

// The file that windows are planned from; empty: the published table.
std::filesystem::path reference_of(const LayoutOptions& o, const Subject& subject) {
    return o.layout.empty() ? subject.files.layout : std::filesystem::path(o.layout);
}

film::LayoutChoice choice_of(const LayoutOptions& o, const Subject& subject, const Grid& grid) {
    const int64_t cell = subject.traits.cell;
    const std::filesystem::path file = reference_of(o, subject);
    if (!file.empty()) return film::planned_layout(grid, cell, t3::read_layout(file), file.string(), o.plan);
    const auto published = t3::published_layout(cell);
    require_valid(published.has_value(), "no windows are known for tokens of ", cell, "x", cell,
                  " pixels; start from a file with --layout FILE");
    return film::planned_layout(grid, cell, *published, "the published 4K table", o.plan);
}

nlohmann::json json_of(const film::LayoutChoice& choice, const Subject& subject, const std::vector<t3::Reach>& reach) {
    using nlohmann::json;
    const t3::WindowLayout& layout = choice.layout;
    const double tokens = double(layout.grid.tokens()), flop_per_pair = 4 * double(subject.dit.dim);
    json patterns = json::array(), shares = json::array();
    for (const t3::Pattern& p : layout.patterns) {
        const auto [count, least, most] = t3::window_range(layout.grid, p);
        const double pairs = t3::scored_pairs(layout.grid, p);
        patterns.push_back({{"window_counts", {p.t, p.h, p.w}},
                            {"shift", {p.shift.t, p.shift.h, p.shift.w}},
                            {"windows", count},
                            {"least_tokens", least},
                            {"most_tokens", most},
                            {"branches_coincide", t3::branches_coincide(layout.grid, p)},
                            {"flop", flop_per_pair * pairs},
                            {"full_over_this", tokens * tokens / pairs}});
    }
    for (size_t i = 0; i < reach.size(); ++i) {
        shares.push_back(
            {{"layers", i + 1}, {"centre", reach[i].centre}, {"corner", reach[i].corner}, {"mean", reach[i].mean}});
    }
    const t3::Saving saving = t3::saving(layout, static_cast<int64_t>(layout.cycle()));
    const double full = flop_per_pair * tokens * tokens * double(subject.dit.layers);
    return {{"layout", json::parse(t3::layout_text(layout))},
            {"origin", choice.origin},
            {"tokens", layout.grid.tokens()},
            {"patterns", patterns},
            {"saving", {{"computed", saving.computed}, {"as_paper", saving.as_paper}}},
            {"forward",
             {{"layers", subject.dit.layers},
              {"width", subject.dit.dim},
              {"flop", full / t3::saving(layout, subject.dit.layers).computed},
              {"full_flop", full}}},
            {"reach", shares}};
}

// Throws InvalidRequest where a result would replace a file unasked, what it is made from, or the other.
void LayoutOptions::check_results(const std::filesystem::path& reference) const {
    for (const std::string& file : {svg, output}) {
        if (file.empty()) continue;
        check_writable(file);
        require_valid(reference.empty() || !is_same_file(file, reference), file, ": is ", reference.string(),
                      ", which the windows are planned from; give another name");
        require_valid(overwrite || !name_exists(file), file,
                      ": exists; give another name, or --overwrite to replace it");
    }
    const auto place = [](const std::string& file) { return absolute_path(file).lexically_normal(); };
    require_valid(svg.empty() || output.empty() || place(svg) != place(output),
                  "--svg and --output name the same file");
}

// What generate does for these weights by itself, where that is something else; empty where it is this.
std::string remark_of(const LayoutOptions& o, const Subject& subject, const Grid& grid) {
    if (subject.files.folder.empty() || !o.layout.empty()) return {};
    const auto own = film::choose_layout(grid, subject.traits.cell, subject.files, film::Attention::automatic, {});
    if (own.layout != t3::full_attention(grid)) return {};
    return "generate runs these weights with full attention; with --attention t3 it takes windows";
}

void LayoutOptions::run() {
    plan.schedule = parse_schedule(schedule);
    const Subject subject = subject_of(model);
    film::SettingChoices choices{.frames = frames};
    if (!size.empty()) {
        const auto [width, height] = film::parse_size(Field("size", size));
        choices.width = width;
        choices.height = height;
    } else if (subject.files.folder.empty()) {  // what the published table is for
        choices.width = 3840;
        choices.height = 2160;
    }
    const film::Settings s = film::resolve_settings(subject.files, subject.traits, choices);
    const Grid grid = film::frame_size(s.width, s.height, s.frames, subject.traits.cell).grid;
    check_results(reference_of(*this, subject));
    const film::LayoutChoice choice = choice_of(*this, subject, grid);
    const std::vector<t3::Reach> reach = t3::reach_of(choice.layout);
    if (json) {
        fmt::print("{}\n",
                   json_of(choice, subject, reach).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
        fmt::print("{:<13} {}x{}, {} frames\n{:<13} {}\n", "Film", s.width, s.height, s.frames, "Attention",
                   printable(choice.origin));
        if (const std::string remark = remark_of(*this, subject, grid); !remark.empty())
            fmt::print("{:<13} {}\n", "", remark);
        print_layout(choice.layout, {subject.dit.dim, subject.dit.layers});
        print_reach(reach);
    }
    if (!output.empty()) t3::write_layout(output, choice.layout);
    if (!svg.empty()) {
        replace_file(svg, layout_figure(choice.layout, reach,
                                        fmt::format("T3 windows of {}x{}, {} frames: a grid of {} x {} x {}", s.width,
                                                    s.height, s.frames, grid.t, grid.h, grid.w)));
    }
}

}  // namespace

void add_layout(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("layout", "Show which windows a film's tokens attend in, their cost and reach");
    const auto o = std::make_shared<LayoutOptions>();
    c->add_option("--model", o->model, "wan2.1, wan2.2 or the folder of a model")
        ->type_name("NAME")
        ->capture_default_str();
    c->add_option("--size", o->size, "Size of the film, WxH; by default 3840x2160, or the folder's own")
        ->type_name("WxH");
    c->add_option("--frames", o->frames, "Frames, 4k+1; by default those of the model")->type_name("N");
    c->add_option("--layout", o->layout,
                  "Start from the windows of this file; by default the folder's t3-layout.json, or the published table")
        ->type_name("FILE");
    const char* const planning = "Planning";
    c->add_option("--budget", o->plan.budget,
                  "Score X times fewer pairs than full attention, both branches counted as the paper counts: windows "
                  "shrink or grow until it is just that or more")
        ->type_name("X")
        ->group(planning);
    c->add_option("--window-tokens", o->plan.window_tokens, "Tokens of a window at most, but for whole frames")
        ->type_name("N")
        ->group(planning);
    c->add_option("--window-frames", o->plan.window_frames,
                  "Latent frames of a window at most: cost then grows in proportion to the length")
        ->type_name("N")
        ->group(planning);
    c->add_option("--frame-tokens", o->plan.frame_tokens,
                  "Tokens of a window over whole frames at most: larger frames are cut")
        ->type_name("N")
        ->group(planning);
    c->add_option("--schedule", o->schedule, "The pattern of each layer, such as 0,1,2,1,2; by default all in turn")
        ->type_name("LIST")
        ->group(planning);
    const char* const results = "Results";
    c->add_option("--svg", o->svg, "Draw the windows and the reach")->type_name("FILE")->group(results);
    c->add_option("--output", o->output, "Write the layout, for --layout of other commands")
        ->type_name("FILE")
        ->group(results);
    c->add_flag("--overwrite", o->overwrite, "Replace files of these names, other than what windows are planned from")
        ->group(results);
    c->add_flag("--json", o->json, "Print JSON")->group(results);
    c->footer(
        "Windows keep the extents that the weights were retrofitted with, as nearly as the grid allows; a file named\n"
        "t3-layout.json beside the weights says which, else the published table. On the grid of that file or table, "
        "and\n"
        "with none of the planning options, the layout is exactly that one.\n\n"
        "Examples:\n"
        "  t3video layout --size 1280x720 --budget 30.9\n"
        "  t3video layout --size 3840x2160 --frames 241 --window-frames 21 --output t3-layout.json\n"
        "  t3video layout --model models/demo --size 640x384 --svg windows.svg");
    c->callback([o, &chosen] { chosen = [o] { o->run(); }; });
}

}  // namespace t3video::apps
