// t3video inspect: how a film was made, what a model folder or a window layout holds.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <memory>
#include <set>

#include "apps/cli/commands.h"
#include "apps/cli/layout_table.h"
#include "apps/common/tongue.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/single_file.h"
#include "core/error.h"
#include "core/paths.h"
#include "core/printable.h"
#include "film/config_checks.h"
#include "film/field_values.h"
#include "film/layout_choice.h"
#include "film/networks.h"
#include "film/scheduler_config.h"
#include "job/film_record.h"
#include "media/film_comment.h"
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

void row(const char* title, const std::string& text) {
    fmt::print("{:<13} {}\n", title, printable(text));
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
    require_valid(!contents.networks.empty(), checkpoint::origin_of(checkpoint::open_tensors(path)),
                  ": no transformer, VAE or text encoder of Wan, and no LoRA; t3video inspect shows these and folders");
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

// What is known of the file, and the options that made it if it names them.
void inspect_film(const std::filesystem::path& path) {
    const media::VideoInfo info = media::read_film_info(path);
    const bool timed = info.duration > 0 && info.fps;
    row("Film", path.string());
    row("", fmt::format("{}x{}, {} {}{}", info.width, info.height, info.codec, info.pixels,
                        timed ? fmt::format(", {:.3g} fps, {:.2f} s", info.fps->value(), info.duration) : ""));
    if (info.tags.matrix != "unknown")
        row("Colours", fmt::format("{}, {}, {}, range {}", info.tags.primaries, info.tags.transfer, info.tags.matrix,
                                   info.tags.range));
    const auto record = job::parse_film_record(info.comment);
    if (!record) return row("Made", "unknown: the file does not say how");
    row("Made", fmt::format("by t3video {} on {} in {}", record->version, record->device, record->dtype));
    const auto print = [](const std::vector<job::FilmRecord::Option>& options) {
        for (const auto& [name, values] : options) {
            for (const std::string& value : values) row("", fmt::format("--{} {}", name, value));
        }
    };
    print(record->options);
    print(record->format);
    row("Again", fmt::format("t3video generate --like {}", path.string()));
}

}  // namespace

void add_inspect(CLI::App& program, Action& chosen) {
    struct Options {
        std::filesystem::path path;
        int64_t width = 1536;
    };
    auto* command = program.add_subcommand(
        "inspect", "Show how a film was made, or what a model folder, weights or a window layout hold");
    const auto o = std::make_shared<Options>();
    command->add_option("PATH", o->path,
                        "Film, model folder, weights (.safetensors, .pth, .gguf; a LoRA too), window layout .json, "
                        "scheduler_config.json, spiece.model or tokenizer.json "
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
            if (media::is_film(path)) return inspect_film(path);
            if (is_folder(path)) return inspect_model(path);
            if (path.filename() == "scheduler_config.json") return print_scheduler(path);
            if (path.filename() == "model_index.json") return inspect_model(folder_above(path));
            if (path.filename() == "tokenizer.json" || path.extension() == ".model") return print_tokenizer(path);
            const bool index = path.filename().string().find(".index.") != std::string::npos;
            if (path.extension() == ".json" && !index) return print_layout(t3::read_layout(path), {.width = o->width});
            inspect_weights(path);
        };
    });
}

}  // namespace t3video::apps
