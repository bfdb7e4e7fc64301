// The table.
#include "film/fields.h"

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/paths.h"
#include "film/field_values.h"

namespace t3video::film {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Kind = RequestField::Kind;
using Use = RequestField::Use;

// Completes a field that is one member of the request, which `At` finds.
template <class At>
RequestField of(RequestField field, At) {
    field.set = [](Request& request, const Field& given) { parse(given, At()(request)); };
    field.get = [](const Request& request) { return value_of(At()(request)); };
    return field;
}

RequestField part(const char* name, const char* what, auto at) {
    return of({name, "FILE", "Model", what, Use::plan, Kind::path}, at);
}

// clang-format off
const std::vector<RequestField>& table() {
    static const std::vector<RequestField> fields = {
        of({"prompt", "TEXT", "", "What the film shows, in a sentence or a paragraph", Use::values, Kind::value, "prompt"},
           [](auto& r) -> auto& { return r.prompt; }),
        of({"negative", "TEXT", "Sampling", "What the film should not look like", Use::values, Kind::value, "negative_prompt"},
           [](auto& r) -> auto& { return r.settings.negative_prompt; }),
        {"size", "WxH", "Film", "Pixels; other sizes than the model's grid are cropped from the next larger one",
         Use::plan, Kind::value, nullptr,
         [](Request& r, const Field& given) { std::tie(r.settings.width, r.settings.height) = parse_size(given); },
         [](const Request& r) {
             return r.settings.width ? json(concat(*r.settings.width, 'x', r.settings.height.value_or(0))) : json();
         }},
        of({"frames", "N", "Film", "Number of frames, 4k+1", Use::plan, Kind::value, "frames"},
           [](auto& r) -> auto& { return r.settings.frames; }),
        {"fps", "RATE", "Film", "Frames per second of the file, such as 24, 23.976 or 24000/1001", Use::values, Kind::value, nullptr,
         [](Request& r, const Field& given) { r.settings.fps = parse_fps(given); },
         [](const Request& r) { return value_of(r.settings.fps); }},
        of({"steps", "N", "Sampling", "Denoising steps: more is slower and cleaner", Use::plan, Kind::value, "steps"},
           [](auto& r) -> auto& { return r.settings.steps; }),
        of({"cfg", "X", "Sampling", "Guidance scale: how closely to follow the prompt; 1 turns it off and halves the work",
            Use::plan, Kind::value, "cfg"},
           [](auto& r) -> auto& { return r.settings.cfg; }),
        of({"shift", "X", "Sampling", "Share of the steps at high noise; larger videos want more", Use::plan, Kind::value, "shift"},
           [](auto& r) -> auto& { return r.settings.shift; }),
        of({"solver", "NAME", "Sampling", "euler, unipc or dpm++; for few-step students renoise or rcm, as in renoise:timesteps=1000/757/522, rcm:sigma_max=200; or a scheduler of diffusers, as in UniPCMultistepScheduler:solver_order=3", Use::plan, Kind::value, "solver"},
           [](auto& r) -> auto& { return r.settings.solver; }),
        {"seed", "N", "Sampling", "Another seed makes another film of the same prompt; -1 draws one, which is said and recorded",
         Use::values, Kind::value, "seed",
         [](Request& r, const Field& given) { r.seed = parse_seed(given); },
         [](const Request& r) { return json(r.seed); }},
        {"noise", "TEXT", "Sampling", "Whose random numbers a seed means: PyTorch's on the cpu, or on a GPU (cuda)",
         Use::values, Kind::value, nullptr,
         [](Request& r, const Field& given) {
             require_valid(given.value == "cpu" || given.value == "cuda", given, ": expected cpu or cuda");
             r.noise = given.value == "cpu" ? NoiseSource::cpu : NoiseSource::cuda;
         },
         [](const Request& r) { return json(r.noise == NoiseSource::cpu ? "cpu" : "cuda"); }},
        {"multiprocessors", "N", "Sampling", "Of the GPU whose noise is made (default 132)", Use::values, Kind::value, nullptr,
         [](Request& r, const Field& given) { parse(given, r.multiprocessors); },
         [](const Request& r) { return r.noise == NoiseSource::cuda ? json(r.multiprocessors) : json(); }},
        {"bf16-timesteps", "", "Sampling", "Round timesteps as the published T3 script does", Use::values, Kind::flag, nullptr,
         [](Request& r, const Field& given) { parse(given, r.bf16_timesteps); },
         [](const Request& r) { return r.bf16_timesteps ? json(true) : json(); }},
        {"attention", "TEXT", "Attention", "auto: T3 windows where a layout says that the weights know them, else full; or full, t3",
         Use::plan, Kind::value, nullptr,
         [](Request& r, const Field& given) { r.attention = parse_attention(given.value); },
         [](const Request& r) { return json(name_of(r.attention)); }},
        of({"image", "FILE", "Input", "Picture that the film begins with (TI2V models)", Use::plan, Kind::path},
           [](auto& r) -> auto& { return r.inputs.image; }),
        of({"video", "FILE", "Input", "Video that the film is made from, or folder of PNGs, in the order of the numbers in their names", Use::plan, Kind::path},
           [](auto& r) -> auto& { return r.inputs.video; }),
        of({"strength", "X", "Input", "How far to go from the video: near 0 keeps it, 1 keeps nothing (default 0.6)", Use::plan},
           [](auto& r) -> auto& { return r.inputs.strength; }),
        {"fit", "TEXT", "Input", "How an input comes to the film's size: crop what is too much, or stretch",
         Use::plan, Kind::value, nullptr,
         [](Request& r, const Field& given) {
             require_valid(given.value == "crop" || given.value == "stretch", given, ": expected crop or stretch");
             r.inputs.fit = given.value == "crop" ? Fit::crop : Fit::stretch;
         },
         [](const Request& r) { return r.inputs.any() ? json(r.inputs.fit == Fit::crop ? "crop" : "stretch") : json(); }},
        of({"layout", "FILE", "Attention", "Window layout to use instead of the model's t3-layout.json", Use::plan, Kind::path},
           [](auto& r) -> auto& { return r.layout; }),
        of({"model", "DIR", "Model", "Model folder: Wan's own files, or diffusers', also in a hub's cache (default: the bundled demo model)",
            Use::plan, Kind::path},
           [](auto& r) -> auto& { return r.model; }),
        part("dit", "Diffusion transformer (.safetensors, index, first of several parts, or .gguf) instead of the folder's",
             [](auto& r) -> auto& { return r.parts.dit; }),
        part("text-encoder", "Text encoder (.pth, .safetensors or .gguf) instead of the folder's",
             [](auto& r) -> auto& { return r.parts.text_encoder; }),
        part("vae", "VAE (.pth or .safetensors) instead of the folder's", [](auto& r) -> auto& { return r.parts.vae; }),
        part("decoder", "Small decoder (taew2_1, taew2_2, lighttaew2_1, ...; .pth or .safetensors), which decodes in place of the VAE: faster, a little blurred",
             [](auto& r) -> auto& { return r.parts.decoder; }),
        {"decoder-latents", "TEXT", "Model", "Which latents the small decoder takes: normalised, as the transformer makes them, or raw, as the VAE does (default: by its file's name, raw for lighttae...)",
         Use::plan, Kind::value, nullptr,
         [](Request& r, const Field& given) {
             require_valid(given.value == "normalised" || given.value == "raw", given, ": expected normalised or raw");
             r.parts.decoder_latents = given.value == "raw" ? models::LatentScale::raw : models::LatentScale::normalised;
         },
         [](const Request& r) {
             if (!r.parts.decoder_latents) return json();
             return json(*r.parts.decoder_latents == models::LatentScale::raw ? "raw" : "normalised");
         }},
        part("tokenizer", "SentencePiece model (spiece.model, or tokenizer.json) instead of the folder's", [](auto& r) -> auto& { return r.parts.tokenizer; }),
        {"lora", "FILE[:WEIGHT]", "Model", "LoRA file to add to the transformer, with a weight (default 1); again for further ones",
         Use::plan, Kind::list, nullptr,
         [](Request& r, const Field& given) { r.parts.loras.push_back(parse_lora(given)); },
         [](const Request& r) {
             json all;
             for (const auto& lora : r.parts.loras) all.push_back(lora.file.string() + ":" + json(lora.weight).dump());
             return all;
         }},
        {"lora-partial", "", "Model", "Leave out what a LoRA has for parts that the model lacks, such as image branches",
         Use::plan, Kind::flag, nullptr,
         [](Request& r, const Field& given) { parse(given, r.parts.lora_partial); },
         [](const Request& r) { return r.parts.lora_partial ? json(true) : json(); }},
        {"guidance-interval", "LOW:HIGH", "Sampling",
         "Noise levels, 0 to 1, at which the negative prompt counts, as in 0.2:0.9; elsewhere the prompt alone, at half the work",
         Use::plan, Kind::value, "guidance_interval",
         [](Request& r, const Field& given) { r.settings.guidance_interval = parse_guidance_interval(given); },
         [](const Request& r) {
             return r.settings.guidance_interval ? json(text_of(*r.settings.guidance_interval)) : json();
         }},
        {"cache", "NAME", "Sampling",
         "Skip passes that would say what the last one said: easy (any model), tea, tea-ret or mag, each with a threshold "
         "behind a colon, as in easy:0.1; more is faster and less exact (default: none)",
         Use::plan, Kind::value, nullptr,
         [](Request& r, const Field& given) { r.settings.cache = parse_cache(given); },
         [](const Request& r) { return r.settings.cache ? json(text_of(*r.settings.cache)) : json(); }},
        of({"cache-table", "FILE", "Sampling", "What tea, tea-ret or mag know of the model, instead of its t3-cache.json or a bundled table",
            Use::plan, Kind::path},
           [](auto& r) -> auto& { return r.settings.cache_table; }),
        {"codec", "NAME", "Film", "h264 (the default), hevc, av1 (.mp4, .mkv), prores (.mov, .mkv), as FFmpeg has them",
         Use::format, Kind::value, nullptr,
         [](Request& r, const Field& given) { r.codec = media::parse_codec(given.value); },
         [](const Request& r) { return r.codec ? json(media::name_of(*r.codec)) : json(); }},
        of({"bits", "N", "Film", "Per channel: h264 8 or 10; hevc, av1 10 or 8; prores 10; PNG 8 or 16; EXR 16 or 32 (floats)",
            Use::format},
           [](auto& r) -> auto& { return r.bits; }),
        of({"crf", "N", "Film",
            "Quality of h264 and hevc from 0 (lossless) to 51 (worst), of av1 from 1 to 63 (defaults 18, 20, 25)", Use::format},
           [](auto& r) -> auto& { return r.crf; }),
        of({"output", "FILE", "",
            "Video file to write: .mp4, .mkv, .mov (builds with FFmpeg), .y4m (uncompressed); or a folder (frames/) or pattern "
            "(frames/%05d.png, .exr) for one PNG or EXR per frame; or .png or .exr for a film of one frame (default: a file here, named "
            "after prompt and seed)",
            Use::place, Kind::path},
           [](auto& r) -> auto& { return r.output; }),
        of({"overwrite", "", "", "Replace what is there under the output's name, other than inputs", Use::place, Kind::flag},
           [](auto& r) -> auto& { return r.overwrite; }),
        of({"record", "", "Film", "Write into the film how it was made", Use::place, Kind::flag},
           [](auto& r) -> auto& { return r.record; }),
        of({"sound", "", "Film", "Copy the sound of an input video into the film", Use::place, Kind::flag},
           [](auto& r) -> auto& { return r.sound; }),
        of({"contact-sheet", "", "Film", "Write a PNG of the film's frames beside it", Use::place, Kind::flag},
           [](auto& r) -> auto& { return r.contact_sheet; }),
        of({"job", "DIR", "Computing", "Folder for intermediate results (default: the output's name with .job)",
            Use::place, Kind::path},
           [](auto& r) -> auto& { return r.job; }),
        {"preview", "N", "Computing",
         "Every N steps, write a small picture of the middle of the film beside the output (.preview.png)",
         Use::place, Kind::value, nullptr,
         [](Request& r, const Field& given) { parse(given, r.preview_every); },
         [](const Request& r) { return r.preview_every > 0 ? json(r.preview_every) : json(); }},
    };
    return fields;
}
// clang-format on

// The request with other paths of what it is made from.
Request with_paths(Request r, const std::function<fs::path(const fs::path&)>& other) {
    for (const RequestField& field : table()) {
        if (field.kind != Kind::path || !field.recorded()) continue;
        if (const json path = field.get(r); !path.is_null())
            field.set(r, Field(field.name, other(path.get<std::string>()).string()));
    }
    for (auto& lora : r.parts.loras) lora.file = other(lora.file);
    return r;
}

}  // namespace

std::span<const RequestField> fields() {
    return table();
}

const RequestField* find_field(std::string_view name) {
    const auto found = std::ranges::find(table(), name, [](const RequestField& f) { return std::string_view(f.name); });
    return found == table().end() ? nullptr : &*found;
}

Request with_whole_paths(Request request) {
    return with_paths(std::move(request), [](const fs::path& path) { return absolute_path(path).lexically_normal(); });
}

Request with_names_only(Request request) {
    return with_paths(std::move(request), [](const fs::path& path) {
        return path.has_filename() ? path.filename() : path.parent_path().filename();
    });
}

Request filled_in(const Request& request, const Film& film) {
    const Settings& s = film.settings;
    Request r = with_whole_paths(request);
    r.settings = {.width = s.width,
                  .height = s.height,
                  .frames = s.frames,
                  .steps = s.steps,
                  .fps = s.fps,
                  .cfg = s.cfg,
                  .shift = s.shift,
                  .solver = s.solver,
                  .negative_prompt = s.negative_prompt,
                  .cache_table = r.settings.cache_table};
    if (s.cache.kind != sampling::CacheKind::none) r.settings.cache = choice_of(s.cache);
    if (!s.guidance.all()) r.settings.guidance_interval = s.guidance;
    if (s.source == Source::video) r.inputs.strength = s.strength;
    return r;
}

}  // namespace t3video::film
