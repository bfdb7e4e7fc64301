// A request to JSON and back.
#include "pipeline/film_record.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "core/json.h"
#include "core/paths.h"

namespace t3video::pipeline {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// In the order in which records have them.
constexpr const char* kOptions[] = {"prompt",
                                    "negative",
                                    "size",
                                    "frames",
                                    "fps",
                                    "steps",
                                    "cfg",
                                    "shift",
                                    "solver",
                                    "seed",
                                    "noise",
                                    "multiprocessors",
                                    "bf16-timesteps",
                                    "attention",
                                    "image",
                                    "video",
                                    "strength",
                                    "fit",
                                    "layout",
                                    "model",
                                    "dit",
                                    "text-encoder",
                                    "vae",
                                    "tokenizer",
                                    "lora"};
constexpr const char* kFormat[] = {"codec", "bits", "crf"};

const char* text_of(Attention attention) {
    return attention == Attention::full ? "full" : attention == Attention::t3 ? "t3" : "auto";
}

std::string full_path(const std::filesystem::path& path) {
    return absolute_path(path).lexically_normal().string();
}

std::string text_of(const ordered_json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<FilmRecord::Option> read_options(const ordered_json& object) {
    std::vector<FilmRecord::Option> options;
    for (const auto& [name, value] : object.items()) {
        FilmRecord::Option option{name, {}};
        if (value.is_array()) {
            for (const ordered_json& item : value) option.second.push_back(text_of(item));
        } else {
            option.second.push_back(text_of(value));
        }
        options.push_back(std::move(option));
    }
    return options;
}

}  // namespace

bool is_recorded(const std::string& option) {
    return std::ranges::find(kOptions, option) != std::end(kOptions) ||
           std::ranges::find(kFormat, option) != std::end(kFormat);
}

json film_options(const Request& r, const Film& film) {
    const Settings& s = film.settings;
    json options = {{"prompt", r.prompt},
                    {"negative", s.negative_prompt},
                    {"size", concat(s.width, "x", s.height)},
                    {"frames", s.frames},
                    {"fps", s.fps},
                    {"steps", s.steps},
                    {"cfg", s.cfg},
                    {"shift", s.shift},
                    {"solver", s.solver},
                    {"seed", r.seed},
                    {"noise", r.noise == NoiseSource::cpu ? "cpu" : "cuda"}};
    if (r.noise == NoiseSource::cuda) options["multiprocessors"] = r.multiprocessors;
    if (r.bf16_timesteps) options["bf16-timesteps"] = true;
    options["attention"] = text_of(r.attention);
    const auto add_path = [&](const char* option, const std::filesystem::path& path) {
        if (!path.empty()) options[option] = full_path(path);
    };
    add_path("image", r.inputs.image);
    add_path("video", r.inputs.video);
    if (s.source == Source::video) options["strength"] = s.strength;
    if (s.source != Source::noise) options["fit"] = r.inputs.fit == Fit::crop ? "crop" : "stretch";
    add_path("layout", r.layout);
    add_path("model", r.model);
    add_path("dit", r.parts.dit);
    add_path("text-encoder", r.parts.text_encoder);
    add_path("vae", r.parts.vae);
    add_path("tokenizer", r.parts.tokenizer);
    for (const checkpoint::Lora& lora : r.parts.loras)
        options["lora"].push_back(full_path(lora.file) + ":" + json(lora.weight).dump());
    return options;
}

json format_record(const media::FilmFormat& format) {
    json result = {{"kind", pipeline::name_of(format.kind)}, {"bits", format.bits}};
    if (format.kind != media::OutputKind::video) return result;
    result["codec"] = media::name_of(format.codec);
    if (format.codec != media::Codec::prores) result["crf"] = format.crf;
    return result;
}

std::string_view name_of(media::OutputKind kind) {
    switch (kind) {
        case media::OutputKind::video:
            return "video";
        case media::OutputKind::y4m:
            return "y4m";
        case media::OutputKind::pictures:
            return "png";
        case media::OutputKind::exr:
            return "exr";
    }
    return "unknown";
}

std::string film_record(const Context& ctx, const FilmOrigin& origin, const media::FilmFormat& format) {
    ordered_json record = {
        {"t3video", T3VIDEO_VERSION}, {"device", origin.device}, {"dtype", origin.dtype}, {"film", origin.film}};
    if (const auto type = t3video::name_of(ctx.compute_type()); type != origin.dtype) record["decoded"] = type;
    ordered_json options = ordered_json::object(), form = {{"kind", pipeline::name_of(format.kind)}};
    for (const char* name : kOptions) {
        if (origin.options.contains(name)) options[name] = origin.options[name];
    }
    const json known = format_record(format);
    for (const char* name : kFormat) {
        if (known.contains(name)) form[name] = known[name];
    }
    record["options"] = options;
    record["format"] = form;
    // A prompt from the command line need not be UTF-8; the tokenizer replaces the same bytes. ASCII passes through all
    // containers, whose ideas of an encoding differ.
    constexpr int kOneLine = -1;
    constexpr bool kAscii = true;
    return record.dump(kOneLine, ' ', kAscii, json::error_handler_t::replace);
}

std::optional<FilmRecord> parse_film_record(const std::string& text) {
    const auto record = parse_json_or_discard<ordered_json>(text);
    const auto has = [&](const char* key, bool object) {
        return record.contains(key) && (object ? record[key].is_object() : record[key].is_string());
    };
    if (!record.is_object() || !has("t3video", false) || !has("device", false) || !has("dtype", false) ||
        !has("options", true) || !has("format", true)) {
        return std::nullopt;
    }
    FilmRecord result{
        record["t3video"], record["device"], record["dtype"], {}, read_options(record["options"]), {}, {}};
    if (has("film", false)) result.film = record["film"];
    for (FilmRecord::Option& option : read_options(record["format"])) {
        if (option.first == "kind" && !option.second.empty()) {
            result.kind = option.second.front();
        } else {
            result.format.push_back(std::move(option));
        }
    }
    return result;
}

}  // namespace t3video::pipeline
