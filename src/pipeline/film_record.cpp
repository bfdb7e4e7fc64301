// A request to JSON and back.
#include "pipeline/film_record.h"

#include <string_view>

#include "core/error.h"
#include "core/json.h"

namespace t3video::pipeline {
namespace {

using json = nlohmann::ordered_json;

const char* text_of(Attention attention) {
    return attention == Attention::full ? "full" : attention == Attention::t3 ? "t3" : "auto";
}

std::string full_path(const std::filesystem::path& path) {
    return std::filesystem::absolute(path).lexically_normal().string();
}

json options_of(const Request& r, const Film& film) {
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

json format_of(const Request& r) {
    const media::FilmFormat format = media::film_format(r.output, r.video_options());
    json result = {{"kind", pipeline::name_of(format.kind)}};
    if (format.kind == media::OutputKind::video) result["codec"] = media::name_of(format.codec);
    result["bits"] = format.bits;
    const bool has_crf = format.kind == media::OutputKind::video && format.codec != media::Codec::prores;
    if (has_crf) result["crf"] = format.crf;
    return result;
}

std::string text_of(const json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<FilmRecord::Option> read_options(const json& object) {
    std::vector<FilmRecord::Option> options;
    for (const auto& [name, value] : object.items()) {
        FilmRecord::Option option{name, {}};
        if (value.is_array()) {
            for (const json& item : value) option.second.push_back(text_of(item));
        } else {
            option.second.push_back(text_of(value));
        }
        options.push_back(std::move(option));
    }
    return options;
}

}  // namespace

bool is_recorded(const std::string& option) {
    constexpr std::string_view kOptions =
        " prompt negative size frames fps steps cfg shift solver seed noise multiprocessors bf16-timesteps attention "
        "image video strength fit layout model dit text-encoder vae tokenizer lora codec bits crf ";
    return kOptions.find(" " + option + " ") != std::string_view::npos;
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

std::string film_record(const Context& ctx, const Request& request, const Film& film) {
    const json record = {{"t3video", T3VIDEO_VERSION},
                         {"device", ctx.device() == Device::cpu ? "cpu" : "cuda"},
                         {"dtype", t3video::name_of(ctx.compute_type())},
                         {"options", options_of(request, film)},
                         {"format", format_of(request)}};
    // A prompt from the command line need not be UTF-8; the tokenizer replaces the same bytes. ASCII passes through all
    // containers, whose ideas of an encoding differ.
    constexpr int kOneLine = -1;
    constexpr bool kAscii = true;
    return record.dump(kOneLine, ' ', kAscii, json::error_handler_t::replace);
}

std::optional<FilmRecord> parse_film_record(const std::string& text) {
    const json record = parse_json_or_discard<json>(text);
    const auto has = [&](const char* key, bool object) {
        return record.contains(key) && (object ? record[key].is_object() : record[key].is_string());
    };
    if (!record.is_object() || !has("t3video", false) || !has("device", false) || !has("dtype", false) ||
        !has("options", true) || !has("format", true)) {
        return std::nullopt;
    }
    FilmRecord result{record["t3video"], record["device"], record["dtype"], read_options(record["options"]), {}, {}};
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
