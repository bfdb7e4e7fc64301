// The table, and the way back from a film's fields.
#include "apps/server/dialect.h"

#include <algorithm>
#include <vector>

#include "core/numbers.h"

namespace t3video::server {
namespace {

using Type = DialectField::Type;

constexpr double kSmallestSide = 16, kLargestSide = 16'384;  // pixels

// clang-format off
constexpr DialectField kFields[] = {
    {"prompt", Type::text, "prompt", "What the film shows, in a sentence or a paragraph"},
    {"model", Type::text, "model", "Name of a model of GET /v1/models; the first one where none is given"},
    {"negative_prompt", Type::text, "negative", "What the film should not look like"},
    {"size", Type::text, "size", "Width and height in pixels, as in 832x480"},
    {"width", Type::integer, nullptr, "Pixels; goes before size", kSmallestSide, kLargestSide},
    {"height", Type::integer, nullptr, "Pixels; goes before size", kSmallestSide, kLargestSide},
    {"seconds", Type::number_or_text, nullptr, "Length: frames become 4 * round(seconds * fps / 4) + 1", 0, 3600},
    {"num_frames", Type::integer, "frames", "Number of frames, 4k+1; goes before seconds", 1, kMostFrames},
    {"fps", Type::number_or_text, "fps", "Frames per second of the file, as in 24 or 24000/1001", 1, 240},
    {"num_inference_steps", Type::integer, "steps", "Denoising steps: more is slower and cleaner", 1, 1000},
    {"guidance_scale", Type::number, "cfg", "How closely to follow the prompt; 1 turns it off and halves the work", 0, 100},
    {"guidance_scale_2", Type::number, nullptr, "The same for low noise, where it must be guidance_scale", 0, 100},
    {"flow_shift", Type::number, "shift", "Share of the steps at high noise; larger films want more", 0.001, 100},
    {"seed", Type::integer, "seed", "Another seed makes another film of the same prompt; -1 draws one", -1, 18446744073709551615.0},
    {"lora", Type::names, nullptr, "LoRAs of the model's list, as NAME or NAME:WEIGHT, or {\"name\", \"weight\"}"},
    {"input_reference", Type::input, nullptr, "Picture or video that the film is made from: a file of a form, or {\"image_url\": \"data:...;base64,...\"}, or {\"file_id\"} of one sent before"},
    {"container", Type::text, nullptr, "Kind of file, such as mp4"},
    {kExtra, Type::object, nullptr, "Fields of a film by their own names"},
};
// clang-format on

// As JSON of the field's type, where the text is such a value.
ordered_json typed(const DialectField& field, const std::string& text) {
    if (field.type == Type::integer) {
        if (const auto number = number_of<uint64_t>(text)) return *number;
        if (const auto number = number_of<int64_t>(text)) return *number;
    }
    if (field.type == Type::number || field.type == Type::number_or_text) {
        if (const auto number = number_of<double>(text)) return *number;
    }
    return text;
}

}  // namespace

std::span<const DialectField> dialect() {
    return kFields;
}

const DialectField* find_dialect(std::string_view name) {
    const auto* found =
        std::ranges::find(kFields, name, [](const DialectField& f) { return std::string_view(f.name); });
    return found == std::end(kFields) ? nullptr : found;
}

std::string dialect_name(std::string_view film_field) {
    for (const DialectField& field : kFields) {
        if (field.film && field.film == film_field) return field.name;
    }
    // Of the server's start and of other routes, or worked out from a field of the same name.
    if (find_dialect(film_field)) return std::string(film_field);
    if (film_field == "image" || film_field == "video") return "input_reference";
    return std::string(kExtra) + "." + std::string(film_field);
}

const Tongue& http_tongue() {
    static const Tongue tongue{
        .field = [](const Field& f) { return concat(dialect_name(f.name), f.value.empty() ? "" : " ", f.value); },
        .remedy =
            [](const Remedy& r) {
                return std::string(r.kind == Remedy::Kind::decode ? "POST /v1/videos/{id}/decode"
                                                                  : "POST /v1/videos/{id}/resume");
            }};
    return tongue;
}

ordered_json request_of(const serving::Entry& entry) {
    ordered_json request = {{"model", entry.model}}, extra = ordered_json::object();
    for (const auto& [name, value] : entry.fields) {
        const DialectField* field = find_dialect(dialect_name(name));
        if (name == "lora")
            request["lora"].push_back(value);
        else if (field && field->film)
            request[field->name] = typed(*field, value);
        else
            extra[name] = value;
    }
    request["container"] = entry.container.substr(1);
    if (!extra.empty()) request[kExtra] = std::move(extra);
    return request;
}

}  // namespace t3video::server
