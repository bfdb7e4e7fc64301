// t3video inspect: what a file or folder is, told by its contents.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <memory>
#include <set>

#include "apps/cli/commands.h"
#include "apps/cli/inspect.h"
#include "apps/cli/layout_table.h"
#include "apps/common/tongue.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/single_file.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/paths.h"
#include "core/printable.h"
#include "film/config_checks.h"
#include "film/field_values.h"
#include "film/frame_size.h"
#include "film/layout_choice.h"
#include "film/networks.h"
#include "film/scheduler_config.h"
#include "film/settings_file.h"
#include "film/weight_files.h"
#include "job/job_files.h"
#include "text/tokenizer.h"

namespace t3video::apps {
namespace {

using film::Part;

// "bf16; 1,418,996,800 parameters, 2838.0 MB"
template <class Model>
std::string weights(Model& model) {
    std::set<std::string> types;
    int64_t count = 0;
    size_t bytes = 0;
    model.for_each_param("", [&](const std::string&, const nn::Param& param) {
        types.insert(param.value.type_name());
        count += param.value.numel();
        bytes += param.value.bytes();
    });
    return fmt::format("{}; {} parameters, {:.1f} MB", fmt::join(types, "+"), grouped(count), double(bytes) / 1e6);
}

// Returns the sizes, for what depends on them.
models::DitConfig print_dit(const std::filesystem::path& path, const std::filesystem::path& config) {
    auto dit = models::WanDit::load(path, config);
    const auto& c = dit.config();
    film::check_dit_config(config, path, c);
    row("Transformer", path.string());
    row("", fmt::format("width {}, {} heads of {}, {} layers, ffn {}, {} latent channels, text width {}", c.dim,
                        c.heads, c.head_width(), c.layers, c.ffn_dim, c.in_channels, c.text_dim));
    row("", weights(dit));
    return c;
}

void print_text(const std::filesystem::path& path) {
    auto encoder = models::Umt5::load(path);
    const auto& c = encoder.config();
    film::check_encoder_config(path, c);
    row("Text encoder", path.string());
    row("", fmt::format("UMT5, width {}, {} heads of {}, {} layers, ffn {}, {} ids", c.dim, c.heads,
                        c.inner_dim / c.heads, c.layers, c.ffn_dim, c.vocabulary));
    row("", weights(encoder));
}

void print_tokenizer(const std::filesystem::path& path) {
    if (path.empty()) return row("Tokenizer", "none; generate needs one (--tokenizer FILE)");
    film::refuse_file_of_other_kind(path);
    const text::Tokenizer tokenizer(path);
    row("Tokenizer", path.string());
    row("", fmt::format("{} pieces", tokenizer.vocabulary_size()));
}

// A diffusers folder's scheduler_config.json.
void print_scheduler(const std::filesystem::path& path) {
    const film::SchedulerConfig config = film::read_scheduler_config(path);
    row("Scheduler", path.string());
    row("", config.refusal.empty() ? fmt::format("solver {}", config.solver.empty() ? "not named" : config.solver)
                                   : "not followed: " + config.refusal.in(command_line()));
    row("", config.shift ? fmt::format("shift {}", *config.shift) : "shift: the model's default");
}

models::VaeConfig print_vae(const std::filesystem::path& path) {
    auto vae = models::WanVae::load(path);
    const auto& c = vae.config();
    film::check_vae_config(path, c);
    row("VAE", path.string());
    row("", fmt::format("Wan{}, {} latent channels, a latent pixel covers {}x{} pixels and {} frames",
                        c.version == models::VaeVersion::wan22 ? "2.2" : "2.1", c.z, c.stride_hw(), c.stride_hw(),
                        c.stride_t()));
    row("", weights(vae));
    return c;
}

void print_small_decoder(const std::filesystem::path& path) {
    auto decoder = models::SmallVae::load(path);
    const auto& c = decoder.config();
    const bool raw = decoder.scale() == models::LatentScale::raw;
    row("Decoder", path.string());
    row("", fmt::format("small{}, {} latent channels{}, a latent pixel covers {}x{} pixels and {} frames; widths {}{}",
                        c.wide_kernels ? " (super)" : "", c.z, raw ? " (raw, by its name)" : "", c.cell(), c.cell(),
                        int{models::SmallVaeConfig::kFrames}, fmt::join(c.decoder, ", "),
                        c.encodes() ? "; with an encoder" : ""));
    row("", weights(decoder));
}

void print_lora(const std::filesystem::path& path) {
    const auto s = checkpoint::summarise_lora(path);
    std::vector<std::string> kinds;
    for (const auto& [is, name] : {std::pair{s.lora, "LoRA"}, {s.loha, "LoHa"}, {s.lokr, "LoKr"}}) {
        if (is) kinds.push_back(name);
    }
    if (kinds.empty()) kinds.push_back("differences");
    row("LoRA", path.string());
    const std::string ranks = s.least_rank == 0 ? ""
                              : s.least_rank == s.most_rank
                                  ? fmt::format(" of rank {}", s.most_rank)
                                  : fmt::format(" of rank {} to {}", s.least_rank, s.most_rank);
    row("", fmt::format("{}{}; {} weights{}, {} other differences", fmt::join(kinds, ", "), s.dora ? " with DoRA" : "",
                        s.modules, ranks, s.differences));
}

// A file of weights: one network, several, or a LoRA.
void inspect_weights(const std::filesystem::path& path) {
    const checkpoint::Contents contents = checkpoint::contents_of(path);
    for (const std::string& note : checkpoint::open_tensors(path).notes) row("Note", note);
    if (contents.lora) return print_lora(path);
    if (contents.networks.empty() && models::is_small_vae(path)) return print_small_decoder(path);
    require_valid(!contents.networks.empty(), checkpoint::origin_of(checkpoint::open_tensors(path)),
                  ": no transformer, VAE or text encoder of Wan, no small decoder and no LoRA; t3video inspect shows "
                  "these and folders");
    for (const checkpoint::Network network : contents.networks) {
        if (network == checkpoint::Network::dit) print_dit(path, path.parent_path() / "config.json");
        if (network == checkpoint::Network::vae) print_vae(path);
        if (network == checkpoint::Network::text_encoder) print_text(path);
    }
}

void print_defaults(const film::Settings& s) {
    row("Defaults", fmt::format("--size {}x{} --frames {} --fps {} --steps {} --cfg {} --shift {} --solver {}", s.width,
                                s.height, s.frames, film::fps_text(s.fps), s.steps, s.cfg, s.shift, s.solver));
    row("", fmt::format("--negative \"{}\"", s.negative_prompt));
    for (const Message& note : s.notes) row("", note.in(command_line()));
}

void inspect_model(const std::filesystem::path& folder) {
    const auto files = film::find_model(folder);
    row("Model", fmt::format("{} ({} layout)", files.folder.string(),
                             files.kind == film::FolderKind::official ? "official" : "diffusers"));
    for (const std::string& note : files.notes) row("", note);
    const models::DitConfig dit = print_dit(files.need(Part::dit), files.dit_config);
    print_text(files.need(Part::text_encoder));
    print_tokenizer(files.tokenizer);
    const auto traits = film::traits_of(print_vae(files.need(Part::vae)));
    const auto settings = film::resolve_settings(files, traits, {});
    print_defaults(settings);
    const auto size = film::frame_size(settings.width, settings.height, settings.frames, traits.cell);
    const auto choice = film::choose_layout(size.grid, traits.cell, files, film::Attention::automatic, {});
    row("Attention", choice.origin);
    print_layout(choice.layout, {dit.dim, dit.layers});
}

bool is_weights(const std::filesystem::path& path) {
    InputFile file(path, "weights");
    const std::string head = file.read(16);
    const bool safetensors = head.size() > 8 && head[8] == '{' && head.substr(5, 3) == std::string(3, '\0');
    const bool torch =
        head.starts_with("PK\x03\x04") || (head.size() > 1 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5);
    return safetensors || torch || head.starts_with("GGUF");
}

// A folder that holds one network, as diffusers' transformer/ and vae/ do.
std::filesystem::path only_weights_in(const std::filesystem::path& folder) {
    if (is_file(folder / "model_index.json") || is_folder(folder / "transformer")) return {};
    const auto encoder = film::find_weights(folder, {"model", "pytorch_model"}).file;
    if (!encoder.empty()) return encoder;
    const auto network = film::find_weights(folder, {"diffusion_pytorch_model"}).file;
    if (network.empty()) return {};
    const film::ModelFiles files = film::find_model(folder);
    return files.vae.empty() && files.text_encoder.empty() ? network : std::filesystem::path();
}

void inspect_folder(const std::filesystem::path& folder) {
    if (job::is_job_folder(folder)) return inspect_job(folder);
    if (training::is_shard(folder / "00000.safetensors")) return inspect_clips(folder);
    if (const auto weights = only_weights_in(folder); !weights.empty()) return inspect_weights(weights);
    const bool model = is_file(folder / "model_index.json") || is_folder(folder / "transformer");
    for (const char* name : {"spiece.model", "tokenizer.json"}) {
        if (!model && is_file(folder / name)) return print_tokenizer(folder / name);
    }
    if (!model && is_file(folder / "scheduler_config.json")) return print_scheduler(folder / "scheduler_config.json");
    if (is_picture_folder(folder)) return inspect_media(folder);
    inspect_model(folder);
}

void inspect_file(const std::filesystem::path& path, int64_t width) {
    const bool of_job = std::ranges::find(job::kJobFiles, path.filename().string()) != std::end(job::kJobFiles);
    if (of_job && job::is_job_folder(folder_above(path))) {
        row("Part of", folder_above(path).string() + ", a job:");
        return inspect_job(folder_above(path));
    }
    if (is_weights(path) && training::is_shard(path)) {
        row("Part of", folder_above(path).string() + ", a folder of encoded clips:");
        return inspect_clips(folder_above(path));
    }
    if (is_weights(path)) return inspect_weights(path);
    if (!media_kind(path).empty()) return inspect_media(path);
    if (path.extension() == ".model") return print_tokenizer(path);
    switch (text_kind(path)) {
        case TextKind::layout:
            return print_layout(t3::read_layout(path), {.width = width});
        case TextKind::scheduler:
            return print_scheduler(path);
        case TextKind::pipeline:
            return inspect_model(folder_above(path));
        case TextKind::config:
            return inspect_config(path);
        case TextKind::tokenizer:
            return print_tokenizer(path);
        case TextKind::prompts:
            return inspect_prompts(path);
        case TextKind::unknown:
            throw InvalidRequest(path.string() +
                                 ": is JSON, but no layout, scheduler, model's config, tokenizer or list "
                                 "of prompts, which t3video inspect shows");
        case TextKind::none:
            for (const char* extension :
                 {".txt", ".json", ".jsonl", ".csv"})  // which the list's reader refuses by line
                if (path.extension() == extension && file_bytes(path) > 0) return inspect_prompts(path);
            [[fallthrough]];
        case TextKind::index:
            return inspect_weights(path);
    }
}

}  // namespace

void row(const char* title, const std::string& text) {
    fmt::print("{:<13} {}\n", title, printable(text));
}

void add_inspect(CLI::App& program, Action& chosen) {
    struct Options {
        std::filesystem::path path;
        int64_t width = 1536;
    };
    auto* command = program.add_subcommand(
        "inspect", "Show how a film was made, or what a model folder, weights, a picture, a list or another file hold");
    const auto o = std::make_shared<Options>();
    command->add_option(
        "PATH", o->path,
        "Film, video, picture or folder of pictures; model folder or one of its parts; weights (.safetensors, "
        ".pth, .gguf; a LoRA too); list of prompts; job folder; window layout, config.json, "
        "scheduler_config.json, spiece.model or tokenizer.json; encoded clips "
        "(default: the bundled demo model)");
    command
        ->add_option("--width", o->width,
                     "Channels of a token, for a layout's FLOPs (Wan2.1-1.3B: 1536, TI2V-5B: 3072)")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    command->footer(
        "Examples:\n  t3video inspect film.mp4\n  t3video inspect Wan2.1-T2V-1.3B\n"
        "  t3video inspect models/demo/t3-layout.json --width 192");
    command->callback([o, &chosen] {
        chosen = [o] {
            const auto path = o->path.empty() ? film::demo_model_folder() : o->path;
            require_valid(is_there(path), path.string(), ": no such file or folder");
            is_folder(path) ? inspect_folder(path) : inspect_file(path, o->width);
        };
    });
}

}  // namespace t3video::apps
