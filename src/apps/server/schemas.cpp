// Schemas of requests follow the tables of fields; those of answers stand here, beside views.cpp which makes them.
#include "apps/server/schemas.h"

#include <algorithm>
#include <initializer_list>

#include "apps/server/dialect.h"
#include "film/fields.h"
#include "serving/service.h"

namespace t3video::server {
namespace {

using Type = DialectField::Type;

ordered_json of_type(const char* type) {
    return {{"type", type}};
}
ordered_json or_null(const char* type) {
    return {{"type", {type, "null"}}};
}
ordered_json list_of(ordered_json items) {
    return {{"type", "array"}, {"items", std::move(items)}};
}
ordered_json reference(const std::string& schema) {
    return {{"$ref", "#/components/schemas/" + schema}};
}

// All of these members, and no others.
ordered_json object(std::initializer_list<std::pair<const char*, ordered_json>> members) {
    ordered_json properties = ordered_json::object(), required = ordered_json::array();
    for (const auto& [name, schema] : members) {
        properties[name] = schema;
        required.push_back(name);
    }
    return {{"type", "object"}, {"properties", properties}, {"required", required}, {"additionalProperties", false}};
}

// Any of these members, and no others.
ordered_json any_of(ordered_json properties) {
    return {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

std::string plain(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

// Texts without control characters; of a prompt with something in it.
constexpr const char* kText = R"(^[^\x00-\x08\x0b\x0e-\x1f\x7f]*$)";
constexpr const char* kPrompt = R"(^[^\x00-\x08\x0b\x0e-\x1f\x7f]*[!-~][^\x00-\x08\x0b\x0e-\x1f\x7f]*$)";

constexpr const char* kSize = "^(1[6-9]|[2-9][0-9]|[1-9][0-9]{2,3})[xX](1[6-9]|[2-9][0-9]|[1-9][0-9]{2,3})$";
constexpr const char* kSeconds = R"(^[1-9][0-9]{0,2}(\.[0-9]{1,6})?$)";
constexpr const char* kRate = R"(^(([1-9][0-9]?|1[0-9]{2})(\.[0-9]{1,6})?|(24000|30000|60000|120000)/1001)$)";

ordered_json containers() {
    ordered_json names = ordered_json::array();
    for (const std::string& one : serving::containers()) names.push_back(one.substr(1));
    return {{"type", "string"}, {"enum", std::move(names)}};
}

ordered_json extra_schema() {
    ordered_json properties = ordered_json::object();
    for (const film::RequestField& field : film::fields()) {
        if (!serving::is_served(field)) continue;
        ordered_json schema = {{"description", plain(field.help)}};
        if (field.kind == film::RequestField::Kind::flag)
            schema["type"] = "boolean";
        else if (field.kind == film::RequestField::Kind::list)
            schema["$ref"] = "#/components/schemas/Loras";
        else
            schema["type"] = {"string", "number"};
        properties[field.name] = std::move(schema);
    }
    return any_of(std::move(properties));
}

ordered_json number_schema(const DialectField& field, const char* type) {
    ordered_json schema = of_type(type);
    if (field.least == field.most) return schema;
    if (field.type == Type::integer) {
        schema["minimum"] = static_cast<int64_t>(field.least);
        schema["maximum"] = largest_whole(field);
    } else {
        schema["minimum"] = field.least;
        schema["maximum"] = field.most;
    }
    return schema;
}

ordered_json schema_of(const DialectField& field) {
    switch (field.type) {
        case Type::text: {
            const std::string_view name = field.name;
            if (name == "container") return containers();
            if (name == "size") return {{"type", "string"}, {"pattern", kSize}};
            return {
                {"type", "string"}, {"maxLength", kLongestText / 4}, {"pattern", name == "prompt" ? kPrompt : kText}};
        }
        case Type::integer:
            return number_schema(field, "integer");
        case Type::number:
            return number_schema(field, "number");
        case Type::number_or_text:
            return {
                {"anyOf",
                 {number_schema(field, "number"), {{"type", "string"}, {"pattern", field.film ? kRate : kSeconds}}}}};
        case Type::names:
            return reference("Loras");
        case Type::input:
            return reference("Input");
        case Type::object:
            return reference("FilmFields");
    }
    return {};
}

ordered_json request_schema(bool needs_prompt, bool form) {
    ordered_json properties = ordered_json::object();
    for (const DialectField& field : dialect()) {
        ordered_json schema = schema_of(field);
        if (form && field.type == Type::input) schema = {{"type", "string"}, {"format", "binary"}};
        schema["description"] = field.help;
        properties[field.name] = std::move(schema);
    }
    ordered_json schema = any_of(std::move(properties));
    if (needs_prompt) schema["required"] = {"prompt"};
    // One side alone needs a size for the other.
    const ordered_json sized = {{"required", {"size"}}};
    schema["dependentSchemas"] = {{"width", {{"anyOf", {sized, {{"required", {"height"}}}}}}},
                                  {"height", {{"anyOf", {sized, {{"required", {"width"}}}}}}}};
    return schema;
}

ordered_json format_schema() {
    ordered_json properties = {{"container", containers()}};
    for (const film::RequestField& field : film::fields()) {
        if (field.use == film::RequestField::Use::format)
            properties[field.name] = {{"description", plain(field.help)}, {"type", {"string", "number"}}};
    }
    return any_of(std::move(properties));
}

ordered_json video_schema() {
    return object(
        {{"id", of_type("string")},
         {"object", {{"const", "video"}}},
         {"model", of_type("string")},
         {"status", {{"enum", {"queued", "in_progress", "completed", "failed"}}}},
         {"progress", {{"type", "integer"}, {"minimum", 0}, {"maximum", 100}}},
         {"created_at", of_type("integer")},
         {"completed_at", or_null("integer")},
         {"expires_at", or_null("integer")},
         {"prompt", of_type("string")},
         {"seconds", of_type("string")},
         {"size", of_type("string")},
         {"error",
          {{"anyOf", {object({{"code", of_type("string")}, {"message", of_type("string")}}), of_type("null")}}}},
         {"remixed_from_video_id", or_null("string")},
         {"seed", or_null("integer")},
         {"num_frames", of_type("integer")},
         {"fps", of_type("number")},
         {"stage", or_null("string")},
         {"step", or_null("integer")},
         {"of", or_null("integer")},
         {"eta_s", or_null("number")},
         {"position", or_null("integer")},
         {"reason", or_null("string")},
         {"preview", or_null("string")},
         {"request", of_type("object")}});
}

ordered_json model_schema() {
    return object({{"id", of_type("string")},
                   {"object", {{"const", "model"}}},
                   {"created", of_type("integer")},
                   {"owned_by", of_type("string")},
                   {"defaults", object({{"size", of_type("string")},
                                        {"num_frames", of_type("integer")},
                                        {"fps", of_type("number")},
                                        {"num_inference_steps", of_type("integer")},
                                        {"guidance_scale", of_type("number")},
                                        {"flow_shift", of_type("number")},
                                        {"solver", of_type("string")},
                                        {"negative_prompt", of_type("string")}})},
                   {"inputs", list_of({{"enum", {"image", "video"}}})},
                   {"loras", list_of(of_type("string"))}});
}

ordered_json plan_schema() {
    const ordered_json input = object({{"id", of_type("string")},
                                       {"kind", {{"enum", {"image", "video"}}}},
                                       {"width", of_type("integer")},
                                       {"height", of_type("integer")}});
    return object({{"object", {{"const", "plan"}}},
                   {"size", of_type("string")},
                   {"num_frames", of_type("integer")},
                   {"fps", of_type("number")},
                   {"seconds", of_type("string")},
                   {"num_inference_steps", of_type("integer")},
                   {"guidance_scale", of_type("number")},
                   {"flow_shift", of_type("number")},
                   {"solver", of_type("string")},
                   {"fits", of_type("boolean")},
                   {"reason", or_null("string")},
                   {"time_s", of_type("number")},
                   {"wait_s", of_type("number")},
                   {"memory_bytes", of_type("integer")},
                   {"memory_allowed_bytes", of_type("integer")},
                   {"stages", list_of(object({{"name", of_type("string")},
                                              {"time_s", of_type("number")},
                                              {"memory_bytes", of_type("integer")}}))},
                   {"notes", list_of(of_type("string"))},
                   {"input", {{"anyOf", {input, of_type("null")}}}}});
}

ordered_json loras_schema() {
    const ordered_json one = {{"anyOf",
                               {of_type("string"),
                                {{"type", "object"},
                                 {"properties", {{"name", of_type("string")}, {"weight", of_type("number")}}},
                                 {"required", {"name"}},
                                 {"additionalProperties", false}}}}};
    return {{"anyOf", {one, list_of(one)}}};
}

ordered_json input_schema() {
    const ordered_json address = {{"type", "string"}, {"pattern", "^data:[^,]*;base64,"}};
    return {{"anyOf", {address, object({{"image_url", address}}), object({{"file_id", of_type("string")}})}}};
}

}  // namespace

ordered_json schemas() {
    return {
        {"FilmRequest", request_schema(true, false)},
        {"FilmRequestForm", request_schema(true, true)},
        {"PlanRequest", request_schema(false, false)},
        {"PlanRequestForm", request_schema(false, true)},
        {"FormatRequest", format_schema()},
        {"FilmFields", extra_schema()},
        {"Loras", loras_schema()},
        {"Input", input_schema()},
        {"Nothing", any_of(ordered_json::object())},
        {"Video", video_schema()},
        {"VideoList", object({{"object", {{"const", "list"}}},
                              {"data", list_of(reference("Video"))},
                              {"has_more", of_type("boolean")},
                              {"first_id", or_null("string")},
                              {"last_id", or_null("string")}})},
        {"DeletedVideo",
         object({{"id", of_type("string")}, {"object", {{"const", "video.deleted"}}}, {"deleted", {{"const", true}}}})},
        {"Model", model_schema()},
        {"ModelList", object({{"object", {{"const", "list"}}}, {"data", list_of(reference("Model"))}})},
        {"Plan", plan_schema()},
        {"Health",
         object({{"status", {{"enum", {"ok", "not ready", "shutting down"}}}}, {"trouble", or_null("string")}})},
        {"Error",
         object(
             {{"error",
               object({{"code", of_type("string")}, {"message", of_type("string")}, {"param", or_null("string")}})}})},
        {"Any", of_type("object")}};
}

}  // namespace t3video::server
