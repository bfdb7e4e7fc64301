// A request to JSON and back.
#include "job/film_record.h"

#include "core/json.h"

namespace t3video::job {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kFormat[] = {"codec", "bits", "crf"};

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

json recorded_fields(const film::Request& request, const film::Film& film) {
    film::Request r = film::filled_in(request, film);
    if (request.names_only) r = film::with_names_only(r);
    json options = json::object();
    for (const film::RequestField& field : film::fields()) {
        if (json value = field.recorded() ? field.get(r) : json(); !value.is_null()) options[field.name] = value;
    }
    return options;
}

json format_record(const media::FilmFormat& format) {
    json result = {{"kind", job::name_of(format.kind)}, {"bits", format.bits}};
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

std::string film_record(const Context& ctx, const FilmOrigin& origin, const media::FilmFormat& format,
                        const std::string& computed) {
    ordered_json record = {
        {"t3video", T3VIDEO_VERSION}, {"device", origin.device}, {"dtype", origin.dtype}, {"film", origin.film}};
    if (const auto type = t3video::name_of(ctx.compute_type()); type != origin.dtype) record["decoded"] = type;
    if (!computed.empty()) record["computed"] = computed;
    ordered_json options = ordered_json::object(), form = {{"kind", job::name_of(format.kind)}};
    for (const film::RequestField& field : film::fields()) {
        if (origin.options.contains(field.name)) options[field.name] = origin.options[field.name];
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
        record["t3video"], record["device"], record["dtype"], {}, {}, read_options(record["options"]), {}, {}};
    if (has("film", false)) result.film = record["film"];
    if (has("computed", false)) result.computed = record["computed"];
    for (FilmRecord::Option& option : read_options(record["format"])) {
        if (option.first == "kind" && !option.second.empty()) {
            result.kind = option.second.front();
        } else {
            result.format.push_back(std::move(option));
        }
    }
    return result;
}

}  // namespace t3video::job
