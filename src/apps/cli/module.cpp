// t3video module: reads a case file, runs one piece of the engine, writes its outputs.
#include "apps/cli/module.h"

#include <algorithm>
#include <memory>

#include "apps/cli/commands.h"
#include "core/error.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "film/layout_choice.h"
#include "ops/convert.h"

namespace t3video::apps {
namespace {

struct Module {
    const char *name, *help;
    Outputs (*run)(Context&, const ModuleOptions&, const Inputs&);
};

constexpr Module kModules[] = {
    {"text-encoder", "ids, mask [1,n] -> out [1,n,dim], zero past the length", run_text_encoder},
    {"vae-decode", "latents [1,z,t,h,w] -> decoded [1,3,f,H,W], not clamped", run_vae_decode},
    {"vae-encode", "video [1,3,f,H,W] in -1..1 -> encoded [1,z,t,h,w], the normalised mean", run_vae_encode},
    {"small-decode", "latents [1,z,t,h,w] -> unclamped [1,3,1+4(t-1),H,W], about 0..1, by a small decoder",
     run_small_decode},
    {"small-encode", "video [1,3,f,H,W] in 0..1 -> encoded [1,z,ceil(f/4),h,w], by its encoder", run_small_encode},
    {"dit", "latents, timestep, context -> out, the velocity", run_dit},
    {"self-attention", "tokens [1,n,dim] -> patternK of block 1; patternK_close, patternK_remote", run_self_attention},
    {"denoise", "noise, context, negative_context[, first_frame, draws] -> latents[, computed [steps,2]]", run_denoise},
    {"train-step", "latents, noise, context, timestep, sigma, weight -> pred, loss, grad.* of weight * loss",
     run_train_step},
    {"pipeline", "prompt_ids, negative_ids, noise[, draws] -> latents, frames [1,f,3,H,W] in 0..1", run_pipeline},
    {"solver", "noise, model_outputs [steps,...][, draws [steps-1,...]] -> trace, timesteps, sigmas", run_solver},
    {"t3-attention", "tokens; grid, window_counts, salt, head_dim in the metadata -> pK.close, pK.remote, pK.out",
     run_t3_attention},
};

std::string module_list() {
    std::string text = "Modules:\n";
    const auto line = [&](const char* name, const char* help) {
        text += "  " + std::string(name) + std::string(16 - std::string(name).size(), ' ') + help + "\n";
    };
    for (const Module& module : kModules) line(module.name, module.help);
    line("schedule", "-> timesteps, sigmas (no input)");
    line("randn", "-> out: PyTorch's normals of a seed (no input)");
    line("tokenize", "--text -> ids on standard output");
    return text;
}

Outputs run_module(Context& ctx, const ModuleOptions& options) {
    if (options.name == "schedule") return run_schedule(ctx, options);
    if (options.name == "randn") return run_randn(ctx, options);
    const auto found = std::ranges::find(kModules, options.name, &Module::name);
    require_valid(found != std::end(kModules), "module ", options.name,
                  " is unknown; t3video module --help lists them");
    require_valid(!options.input.empty(), "module ", options.name, " needs its inputs: --in FILE.safetensors");
    return found->run(ctx, options, Inputs(options));
}

const std::pair<const std::string, std::string> kMadeBy{"made_by", "t3video module"};

// Of an earlier run, which this one may replace.
bool is_result(const std::filesystem::path& file) try {
    const auto metadata = checkpoint::open_tensors(file).metadata;
    const auto made_by = metadata.find(kMadeBy.first);
    return made_by != metadata.end() && made_by->second == kMadeBy.second;
} catch (const InvalidRequest&) {
    return false;
}

void run(const ModuleOptions& options) {
    if (options.name == "tokenize") return run_tokenize(options);
    require_valid(!options.output.empty(), "module ", options.name, " needs a file to write: --out FILE.safetensors");
    check_writable(options.output);
    require_valid(!is_there(options.output) || is_result(options.output), options.output,
                  ": exists, and is no result of t3video module; give --out another name");
    Context ctx = options.compute.context();
    Outputs outputs = run_module(ctx, options);
    for (auto& [name, x] : outputs) {
        if (x.device() != Device::cpu) x = to_host(ctx, is_float(x.dtype()) ? ops::convert(ctx, x, DType::f32) : x);
    }
    checkpoint::save_safetensors(options.output, outputs, {kMadeBy});
}

}  // namespace

film::ModelFiles ModuleOptions::files() const {
    require_valid(!model.empty(), "module ", name, " needs a model folder: --model DIR");
    return film::find_model(model);
}

sampling::Schedule ModuleOptions::schedule(const sampling::Solver& of) const {
    auto schedule = of.schedule({.steps = steps, .shift = shift, .strength = strength});
    if (bf16_timesteps) sampling::round_timesteps(schedule);
    return schedule;
}

Inputs::Inputs(const ModuleOptions& options)
    : source_(checkpoint::open_tensors(options.input)), prefix_(options.prefix) {}

Tensor Inputs::floats(Context& ctx, const std::string& name, int rank) const {
    const Tensor& x = source_.at(prefix_ + name);
    require_valid(is_float(x.dtype()) && (rank == kAnyRank || x.rank() == rank), source_.path.string(), ": '", prefix_,
                  name, "' ", x.shape(), " of ", x.dtype(), ", expected floats",
                  rank == kAnyRank ? "" : concat(" over ", rank, " axes"));
    return ops::convert(ctx, to_device(ctx, x), DType::f32);
}

Tensor Inputs::sample(Context& ctx, const std::string& name, int rank) const {
    const Tensor x = floats(ctx, name, rank);
    require_valid(x.dim(0) == 1, source_.path.string(), ": '", prefix_, name, "' ", x.shape(),
                  ", expected a batch of 1");
    return x.reshape(Shape(x.shape().dims().subspan(1)));
}

std::vector<int64_t> Inputs::integers(const std::string& name) const {
    const Tensor& x = source_.at(prefix_ + name);
    if (x.dtype() == DType::i32) return {x.span<int32_t>().begin(), x.span<int32_t>().end()};
    require_valid(x.dtype() == DType::i64, source_.path.string(), ": '", prefix_, name, "' holds ", x.dtype(),
                  ", expected i64");
    return {x.span<int64_t>().begin(), x.span<int64_t>().end()};
}

double Inputs::number(Context& ctx, const std::string& name) const {
    const Tensor& x = source_.at(prefix_ + name);
    require_valid(x.numel() == 1, source_.path.string(), ": '", prefix_, name, "' ", x.shape(),
                  ", expected one number");
    if (!is_float(x.dtype())) return static_cast<double>(integers(name).front());
    const Tensor value = to_host(ctx, ops::convert(ctx, to_device(ctx, x), DType::f32));
    return value.data<float>()[0];
}

const std::string& Inputs::metadata(const std::string& key) const {
    const auto found = source_.metadata.find(key);
    require_valid(found != source_.metadata.end(), source_.path.string(), ": \"", key,
                  "\" is missing from the metadata");
    return found->second;
}

sampling::NoiseDraws draws_of(Context& ctx, const Inputs& in, const Shape& noise) {
    return [&ctx, &in, noise](int64_t draw) {
        const Tensor draws = in.floats(ctx, "draws", Inputs::kAnyRank);
        require_valid(draws.dim(0) >= draw && draws.numel() == draws.dim(0) * noise.numel(), "draws ", draws.shape(),
                      ": expected [", draw, " or more, ...] for noise ", noise);
        return draws.slice(draw - 1, draw).reshape(noise);
    };
}

Tensor batched(const Tensor& x) {
    std::vector<int64_t> dims{1};
    dims.insert(dims.end(), x.shape().dims().begin(), x.shape().dims().end());
    return x.reshape(Shape(dims));
}

t3::LayoutWindows windows_of(Context& ctx, const ModuleOptions& options, const Tensor& latent) {
    const int64_t cell = latent.dim(0) == 48 ? 32 : 16;
    const auto choice = film::choose_layout(models::WanDit::grid_of(latent), cell, options.files(),
                                            film::parse_attention(options.attention), options.layout);
    return t3::LayoutWindows(ctx, choice.layout);
}

void add_module(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("module", "Run one piece of the engine on tensors from a file, for comparisons");
    const auto o = std::make_shared<ModuleOptions>();
    c->add_option("NAME", o->name, "Which piece, see below")->required();
    c->add_option(
         "--model", o->model,
         "Model folder; for small-decode and small-encode a small decoder's file, for tokenize also a spiece.model")
        ->type_name("PATH");
    c->add_option("--in", o->input, "Inputs by name; other tensors in the file are ignored")->type_name("FILE");
    c->add_option("--out", o->output, "Where to write the outputs")->type_name("FILE");
    c->add_option("--prefix", o->prefix, "In front of the inputs' names")->type_name("TEXT");
    c->add_option("--layout", o->layout, "Window layout")->type_name("FILE");
    c->add_option("--attention", o->attention, "auto, full or t3")->capture_default_str();
    c->add_flag("--first-frame-clean", o->first_frame_clean, "dit: the first latent frame is at timestep 0");
    c->add_flag("--first-frame", o->first_frame,
                "denoise: hold the first latent frame at the input first_frame; train-step: leave it clean, at "
                "timestep 0, and out of the loss");
    c->add_option(
         "--stream", o->stream,
         "train-step: f32 or bf16, to which the residual stream is rounded in front of each block (default: as "
         "--dtype)")
        ->type_name("TYPE");
    c->add_option("--cache", o->cache,
                  "denoise: easycache, teacache, teacache_ret or magcache, whose settings are read from settings_NAME "
                  "of the input's metadata; also gives which passes were computed")
        ->type_name("NAME");
    c->add_flag("--deterministic", o->deterministic, "train-step: the same bits every time on a GPU, too");
    c->add_option("--band-rows", o->band_rows,
                  "vae-decode, small-decode, pipeline: rows of the video decoded at a time; 0: all")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    c->add_option("--solver", o->solver,
                  "euler, unipc or dpm++; or a rule of few-step students, which takes the input draws: renoise, rcm")
        ->capture_default_str();
    c->add_option("--steps", o->steps, "Sampling steps")->capture_default_str();
    c->add_option("--shift", o->shift, "Shift of the schedule")->capture_default_str();
    c->add_option("--cfg", o->cfg, "Guidance scale")->capture_default_str();
    c->add_option("--strength", o->strength, "schedule: denoising strength, 0..1")->capture_default_str();
    c->add_flag("--bf16-timesteps", o->bf16_timesteps, "Round timesteps to bf16");
    c->add_option("--generator", o->generator, "randn: cpu or cuda")->capture_default_str();
    c->add_option("--seed", o->seed, "randn: seed")->capture_default_str();
    c->add_option("--count", o->count, "randn: number of values");
    c->add_option("--shape", o->shape, "randn: extents, such as 1,16,3,8,6")->delimiter(',');
    c->add_option("--multiprocessors", o->multiprocessors, "randn: of the GPU")->capture_default_str();
    c->add_option("--draw", o->draw, "randn: which of several draws in a row, from 0")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    c->add_option("--text", o->text, "tokenize: the text");
    c->add_flag("--raw", o->raw, "tokenize: do not clean the text first");
    o->compute.add_to(*c);
    c->footer(module_list());
    c->callback([o, &chosen] { chosen = [o] { run(*o); }; });
}

}  // namespace t3video::apps
