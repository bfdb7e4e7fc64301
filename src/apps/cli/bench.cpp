// t3video bench: how fast this machine computes a film and its pieces, with random weights of the released sizes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/bench.h"
#include "apps/cli/commands.h"
#include "apps/common/log.h"
#include "checkpoint/tensor_source.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "film/field_values.h"
#include "film/layout_choice.h"
#include "film/model_files.h"
#include "film/published.h"
#include "models/wan_dit/model.h"
#include "models/wan_vae/wan_vae.h"
#include "ops/attention.h"
#include "ops/convert.h"
#include "ops/devices.h"
#include "ops/linear.h"
#include "ops/stopwatch.h"
#include "plan/plan.h"
#include "session/stages.h"

namespace t3video::apps {
namespace {

// The rate of a large matrix product: what the shares below are of.
double matrix_rate(Context& ctx) {
    const int64_t n = ctx.device() == Device::cuda ? 8192 : 1536;
    const Tensor x = ops::random_normal(ctx, {n, n}, ctx.compute_type(), 1, 0, 1),
                 w = ops::random_normal(ctx, {n, n}, ctx.compute_type(), 2, 0, 0.01f);
    const Measured m = measure(ctx, "matrix product", 10, [&] { return ops::linear(ctx, x, w); });
    return flop(m.work) / m.seconds;
}

t3::WindowLayout layout_of(const BenchOptions& o, const BenchModel& s) {
    const t3::WindowLayout layout =
        film::choose_layout(s.grid, s.cell, s.files, film::parse_attention(o.attention), o.layout).layout;
    return o.layer < 0 ? layout : t3::WindowLayout{layout.grid, {layout.of_layer(o.layer)}};
}

// Of random weights, or that of a file, whose way from the disk is printed.
models::WanDit transformer_of(Context& ctx, const BenchOptions& o, BenchModel& s) {
    if (o.input.empty()) return film::prepared_at_random(ctx, models::WanDit(s.dit), nn::Residency::packed);
    require_valid(o.layer < 0, "--layer is of random weights, not of --input");
    const std::filesystem::path file = o.input;
    const auto start = Clock::now();
    auto dit = models::WanDit::load(file, file.parent_path() / "config.json");
    const double opened = seconds_since(start);
    s.dit = dit.config();
    dit = nn::prepared(ctx, std::move(dit), nn::Residency::packed);
    ops::Stopwatch(ctx).seconds();  // waits
    fmt::print("{:.2f} GB opened in {:.3f} s, decoded, converted and packed in {:.3f} s\n",
               double(file_bytes(file)) / 1e9, opened, seconds_since(start) - opened);
    return dit;
}

std::vector<Measured> bench_dit(Context& ctx, const BenchOptions& o) {
    BenchModel s = setup_of(o);
    const auto dit = transformer_of(ctx, o, s);
    const t3::LayoutWindows windows(ctx, layout_of(o, s));
    const auto text = dit.embed_text(ctx, ops::random_normal(ctx, {100, s.dit.text_dim}, DType::f32, 7, 0, 1), 412);
    const Tensor latent =
        ops::random_normal(ctx, {s.dit.in_channels, s.grid.t, s.grid.h * 2, s.grid.w * 2}, DType::f32, 8, 0, 1);
    return {measure(ctx, fmt::format("{} forward, {} tokens", o.layer >= 0 ? "one layer" : "dit", s.grid.tokens()),
                    o.repeat, [&] { return dit.forward(ctx, latent, 500, text, windows); })};
}

std::vector<Measured> bench_attention(Context& ctx, const BenchOptions& o) {
    const BenchModel s = setup_of(o);
    const auto layout = layout_of(o, s);
    const int64_t n = s.grid.tokens(), dim = s.dit.dim;
    const Tensor q = ops::random_normal(ctx, {n, dim}, ctx.compute_type(), 1, 0, 1),
                 k = ops::random_normal(ctx, {n, dim}, ctx.compute_type(), 2, 0, 1),
                 v = ops::random_normal(ctx, {n, dim}, ctx.compute_type(), 3, 0, 100);
    std::vector<Measured> all;
    for (const auto& counts : layout.patterns) {
        const t3::LayoutWindows windows(ctx, {s.grid, {counts}});
        std::vector<const ops::TokenWindows*> branches;
        for (const auto& branch : windows.of_layer(0)) branches.push_back(&branch);
        const float scale = 1.0f / std::sqrt(float(s.dit.head_width()));
        ops::AttentionSaved saved;
        const auto attend = [&](ops::AttentionSaved* to) {
            return ops::window_attention(ctx, q, k, v, s.dit.heads, scale, branches, to);
        };
        all.push_back(
            measure(ctx, concat("self-attention, windows ", counts), o.repeat, [&] { return attend(nullptr); }));
        if (!o.backward) continue;
        const Tensor dy = attend(&saved);  // any gradient will do
        all.push_back(measure(ctx, concat("its backward, windows ", counts), o.repeat, [&] {
            return ops::window_attention_backward(ctx, q, k, v, dy,
                                                  {s.dit.heads, scale, branches, saved, o.deterministic})
                .v;
        }));
    }
    return all;
}

std::vector<Measured> bench_text(Context& ctx, const BenchOptions& o) {
    const auto encoder = film::prepared_at_random(ctx, models::Umt5(film::umt5_xxl()), nn::Residency::resident);
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < 512; ++i) ids.push_back(i * 431 % 256000);
    return {measure(ctx, "text encoder, 512 tokens", o.repeat, [&] { return encoder.forward(ctx, ids); })};
}

// Weights from a file to the device.
std::vector<Measured> bench_load(Context& ctx, const BenchOptions& o) {
    require_valid(
        ctx.device() == Device::cuda,
        "bench load measures the way to a GPU: add --device cuda; on the CPU weights stay in their mapped file");
    require_valid(!o.input.empty(), "bench load needs a transformer: --input FILE.safetensors");
    const std::filesystem::path file = o.input;
    const auto dit = models::WanDit::load(file, file.parent_path() / "config.json");
    const double gigabytes = double(file_bytes(file)) / 1e9;
    std::vector<double> times;
    for (int64_t i = 0; i <= o.repeat; ++i) {
        const auto start = Clock::now();
        const auto on_device = nn::resident(ctx, dit);
        ops::Stopwatch(ctx).seconds();  // waits
        times.push_back(seconds_since(start));
    }
    const double seconds = median(times);
    fmt::print("loading {:.2f} GB: {:.3f} s, {:.2f} GB/s (the slowest of {}: {:.3f} s)\n", gigabytes, seconds,
               gigabytes / seconds, times.size(), std::ranges::max(times));
    return {};
}

// A model folder of random weights, for measuring whole films without a download.
void write_model(Context& ctx, const BenchOptions& o) {
    require_valid(!o.output.empty(), "bench model needs a folder to write: --output DIR");
    const BenchModel s = setup_of(o);
    const std::filesystem::path folder = o.output;
    require_valid(!is_there(folder) || (is_folder(folder) && entries_of(folder).empty()), "--output ", o.output,
                  ": holds something; give a folder that is new or empty");
    const auto save = [&](const std::filesystem::path& file, auto model) {
        std::map<std::string, Tensor> tensors;
        uint64_t index = 0;
        model.for_each_param("", [&](const auto& name, nn::Param& param) {
            const Tensor value = to_host(ctx, film::random_weight(ctx, name, param, index++));
            tensors[name] = ctx.device() == Device::cpu ? ops::convert(ctx, value, DType::bf16) : value;
        });
        checkpoint::save_safetensors(file, tensors);
        log_info(fmt::format("Wrote {}", file.string()));
    };
    for (const char* part : {"transformer", "vae", "text_encoder", "tokenizer"}) make_folders(folder / part);
    save(folder / "transformer" / "diffusion_pytorch_model.safetensors", models::WanDit(s.dit));
    save(folder / "vae" / "diffusion_pytorch_model.safetensors", models::WanVae(s.vae));
    save(folder / "text_encoder" / "model.safetensors", models::Umt5(film::umt5_xxl()));
    replace_file(folder / "tokenizer" / "spiece.model",
                 read_text_file(film::find_model(film::demo_model_folder()).tokenizer, "a tokenizer"));
    replace_file(folder / "model_index.json", "{}\n");
    replace_file(folder / "transformer" / "config.json",
                 nlohmann::json{{"num_attention_heads", s.dit.heads}}.dump() + "\n");
}

void print(const std::vector<Measured>& all, double rate) {
    fmt::print("{:44} {:>10} {:>9} {:>9} {:>6} {:>10}\n", "", "seconds", "TFLOP", "TFLOP/s", "share", "peak GiB");
    for (const Measured& m : all) {
        fmt::print("{:44} {:10.4f} {:9.3f} {:9.3f} {:5.0f}% {:10.2f}\n", m.name, m.seconds, flop(m.work) / 1e12,
                   flop(m.work) / m.seconds / 1e12, 100 * flop(m.work) / m.seconds / rate,
                   double(m.peak) / double(1 << 30));
    }
    fmt::print("share: of a large matrix product in the same run, {:.3f} TFLOP/s\n", rate / 1e12);
}

void save_json(const BenchOptions& o, const std::vector<Measured>& all, double rate) {
    nlohmann::json runs = nlohmann::json::array();
    for (const Measured& m : all) {
        runs.push_back({{"name", m.name},
                        {"seconds", m.seconds},
                        {"flop", flop(m.work)},
                        {"peak_bytes", m.peak},
                        {"deviation", m.deviation}});
    }
    write_figures(o.json, {{"what", o.what},
                           {"model", o.model},
                           {"size", o.size},
                           {"frames", o.frames},
                           {"device", ops::cuda_devices()},
                           {"matrix_flop_per_second", rate},
                           {"runs", runs}});
}

}  // namespace

Measured measure(Context& ctx, std::string name, int64_t repeat, const std::function<Tensor()>& run) {
    Measured m{.name = std::move(name)};
    std::vector<double> times;
    ctx.allocator().reset_peak();
    for (int64_t i = 0; i <= repeat; ++i) {
        const Work before = ctx.work();
        ops::Stopwatch watch(ctx);
        const Tensor y = run();
        const double seconds = watch.seconds();
        m.work = ctx.work() - before;
        if (i > 0 || repeat == 0) times.push_back(seconds);
        if (i == repeat) m.deviation = deviation_of(ctx, y);
    }
    m.peak = ctx.allocator().peak();
    m.seconds = median(times);
    return m;
}

BenchModel setup_of(const BenchOptions& o) {
    const bool demo = o.model == "demo" && o.what == "train";
    require_valid(demo || o.model == "wan2.1-1.3b" || o.model == "wan2.2-5b", "--model ", o.model,
                  ": expected wan2.1-1.3b or wan2.2-5b, of bench pipeline and train also demo");
    const auto files = demo ? film::find_model(film::demo_model_folder()) : film::ModelFiles();
    const film::Networks networks = demo ? film::load_networks(files) : film::published_networks(o.model);
    const int64_t cell = networks.traits().cell;
    models::DitConfig dit = networks.dit().config();
    require_valid(o.layer >= -1 && o.layer < dit.layers, "--layer ", o.layer, ": expected 0 to ", dit.layers - 1);
    if (o.layer >= 0) dit.layers = 1;
    const BenchSize size = find_size(o.size);
    return {files, cell, dit, networks.vae.config(), film::frame_size(size.width, size.height, o.frames, cell).grid};
}

double flop(const Work& w) {
    return w.matrix + w.attention + w.convolution;
}

double median(std::vector<double> seconds) {
    std::ranges::sort(seconds);
    return seconds.at(seconds.size() / 2);
}

void check_figures_file(const std::string& file) {
    check_writable(file);
    const bool ours = !is_there(file) || parse_json_or_discard(read_text_file(file, "figures")).contains("what");
    require_valid(ours, "--json ", file, ": exists, and holds no figures of t3video bench; give another name");
}

void write_figures(const std::string& file, const nlohmann::json& figures) {
    check_figures_file(file);
    replace_file(file, figures.dump(2) + "\n");
}

double deviation_of(Context& ctx, const Tensor& x) {
    const Tensor host = to_host(ctx, ops::convert(ctx, x, DType::f32));
    double sum = 0, squares = 0;
    for (const float value : host.span<float>()) {
        sum += value;
        squares += double(value) * value;
    }
    const double n = double(host.numel()), mean = sum / n, deviation = std::sqrt(squares / n - mean * mean);
    require(std::isfinite(deviation) && deviation > 0.1, "bench: the output deviates by ", deviation,
            ", expected a finite number above 0.1");
    return deviation;
}

BenchSize find_size(const std::string& name) {
    static constexpr BenchSize kSizes[] = {{"4k", 3840, 2160}, {"1080p", 1920, 1080}, {"720p", 1280, 704},
                                           {"480p", 832, 480}, {"272p", 480, 272},    {"256", 256, 256}};
    const auto* found = std::ranges::find(kSizes, name, &BenchSize::name);
    if (found != std::end(kSizes)) return *found;
    std::string names;
    for (const BenchSize& size : kSizes) names += concat(size.name, ", ");
    require_valid(name.find('x') != std::string::npos, "--size ", name, ": expected one of ", names,
                  "or width x height like 832x480");
    const auto [width, height] = film::parse_size(Field("size", name));
    return {"", width, height};
}

void BenchOptions::run() {
    require_valid(repeat >= 0 && repeat <= 1000, "--repeat ", repeat, ": expected 0 to 1000");
    require_valid(layout.empty() || what == "dit" || what == "attention" || what == "train", "bench ", what,
                  " uses no windows of --layout: leave it out, or choose dit, attention or train");
    if (!json.empty()) check_figures_file(json);
    Context ctx = compute.context();
    if (what == "model") return write_model(ctx, *this);
    if (what == "pipeline") return bench_film(std::move(ctx), *this);
    if (what == "train") {
        check_bench_train(*this);
        const BenchModel s = setup_of(*this);
        return bench_train(ctx, *this, s, layout_of(*this, s), matrix_rate(ctx));
    }
    using Run = std::vector<Measured> (*)(Context&, const BenchOptions&);
    constexpr std::pair<const char*, Run> kRuns[] = {{"dit", bench_dit},   {"attention", bench_attention},
                                                     {"vae", bench_vae},   {"decoder", bench_decoder},
                                                     {"text", bench_text}, {"load", bench_load}};
    const auto* found = std::ranges::find_if(kRuns, [&](const auto& entry) { return what == entry.first; });
    require_valid(found != std::end(kRuns), "bench ", what,
                  ": expected pipeline, train, dit, attention, vae, decoder, text, load or model");
    if (what == "dit" || what == "attention") layout_of(*this, setup_of(*this));  // refuses it before the work
    const double rate = matrix_rate(ctx);
    const std::vector<Measured> all = found->second(ctx, *this);
    if (!all.empty()) print(all, rate);
    if (!json.empty()) save_json(*this, all, rate);
}

void add_bench(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand(
        "bench", "Measure films, training steps and their pieces on this machine, with random weights");
    const auto o = std::make_shared<BenchOptions>();
    c->add_option("WHAT", o->what,
                  "pipeline: a whole film; train: training steps; dit, attention, vae, decoder (a small one) or text: "
                  "its pieces; load: "
                  "weights to the device; model: "
                  "writes a folder of random ones")
        ->required();
    c->add_option("--model", o->model, "wan2.1-1.3b or wan2.2-5b; pipeline, train: also demo")->capture_default_str();
    c->add_option("--size", o->size, "4k, 1080p, 720p, 480p, 272p, 256, or width x height like 832x480")
        ->capture_default_str();
    c->add_option("--frames", o->frames, "Number of frames, 4k+1")->capture_default_str();
    c->add_option("--attention", o->attention, "auto, full or t3")->capture_default_str();
    c->add_option("--layout", o->layout, "dit, attention, train: windows of this layout, whose grid is the size's")
        ->type_name("FILE");
    c->add_option("--steps", o->steps, "pipeline: steps of denoising (default: the model's)");
    c->add_option("--cfg", o->cfg, "pipeline: guidance scale, 1 for one pass a step (default: the model's)");
    c->add_option("--layer", o->layer, "dit, train: only one layer, with the windows of this one");
    c->add_option("--lora", o->lora, "train: rank of adapters, which alone are trained; 0: all weights")
        ->capture_default_str();
    c->add_option("--batch", o->batch, "train: clips that one pass takes together")->capture_default_str();
    c->add_option("--states", o->states, "train: the optimiser's moments: f32, 8bit, host (f32) or 8bit-host")
        ->capture_default_str();
    c->add_option("--streams", o->streams, "train: where blocks' inputs wait for the backward: device or host")
        ->capture_default_str();
    c->add_option("--stream", o->stream, "train: the type that they have, f32 or bf16 (default: as --dtype)");
    c->add_flag("--deterministic", o->deterministic, "train, attention: the same bits every time on a GPU, too");
    c->add_flag("--backward", o->backward, "attention: also its backward");
    c->add_option("--repeat", o->repeat, "Timed runs after one that prepares; 0 times that one")->capture_default_str();
    c->add_option("--input", o->input,
                  "load, dit: a transformer's file; decoder: a small decoder's; dit, decoder: else random weights")
        ->type_name("FILE");
    c->add_option("--output", o->output,
                  "model: the folder to write; pipeline: where frames go, which else are dropped")
        ->type_name("PATH");
    c->add_option("--json", o->json, "Also write the figures to a file")->type_name("FILE");
    o->compute.add_to(*c);
    c->footer(
        "Networks have the sizes of the released models. dit keeps its weights packed on the CPU, as generate does "
        "where\n"
        "memory allows: 5.7 GB for wan2.1-1.3b.\n\n"
        "Examples:\n"
        "  t3video bench dit --size 272p --frames 9\n"
        "  t3video bench train --size 720p --device cuda --lora 64\n"
        "  t3video bench train --model demo --size 448x256 --frames 17 --device cuda --batch 8\n"
        "  t3video bench attention --size 448x256 --frames 17 --layout models/demo/t3-layout.json\n"
        "  t3video bench pipeline --device cuda --steps 8 --cfg 1 --json film.json");
    c->callback([o, &chosen] { chosen = [o] { o->run(); }; });
}

}  // namespace t3video::apps
