// Works out a film's fields.
#include "apps/server/film_form.h"

#include <algorithm>
#include <cmath>

#include "apps/server/json_body.h"
#include "core/numbers.h"
#include "core/printable.h"
#include "core/text_lines.h"
#include "core/utf8.h"
#include "film/field_values.h"
#include "film/fields.h"

namespace t3video::server {
namespace {

using Type = DialectField::Type;
using film::RequestField;

constexpr double kExactWholes = 9007199254740992.0;  // 2^53: beyond it doubles leave out whole numbers
constexpr const char* kContainer = "container";

HttpError unknown_field(const std::string& param, const std::string& hint = {}) {
    constexpr size_t kShown = 100;  // of what a client made up
    const std::string shown = printable(param.substr(0, kShown));
    return {400, "unknown_field", "unknown field " + shown + hint, shown};
}

// Of a text, number or truth value, as people write it.
std::string plain_text(const ordered_json& value, const std::string& param) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number() || value.is_boolean()) return value.dump();
    throw wrong_field(param, "expected a text, a number, true or false");
}

std::string text_of(const DialectField& field, const ordered_json& value) {
    const auto whole = [&] {
        const double number = value.get<double>();
        return std::abs(number) < kExactWholes && number == std::floor(number);
    };
    switch (field.type) {
        case Type::text:
            if (value.is_string()) return value.get<std::string>();
            throw wrong_field(field.name, "expected a text");
        case Type::integer:
            if (value.is_number_integer()) return value.dump();
            if (value.is_number_float() && whole()) return std::to_string(value.get<int64_t>());
            throw wrong_field(field.name, "expected a whole number");
        case Type::number_or_text:
            if (value.is_string()) return value.get<std::string>();
            [[fallthrough]];
        default:
            if (value.is_number()) return value.dump();
            throw wrong_field(field.name, "expected a number");
    }
}

// What is no number is left to the film's own parser.
void check_range(const DialectField& field, const std::string& text) {
    const auto number = number_of<double>(text);
    if (field.least == field.most || !number) return;
    if (*number >= field.least && *number <= field.most) return;
    throw wrong_field(field.name, concat(text, ": expected ", exact_text(field.least), " to ",
                                         field.type == Type::integer ? std::to_string(largest_whole(field))
                                                                     : exact_text(field.most)));
}

template <class T>
T number_in(const std::string& text, const std::string& param) {
    const auto number = number_of<T>(text);
    if (!number) throw wrong_field(param, text + ": expected a number");
    return *number;
}

void check_text(const std::string& text, const std::string& param) {
    if (!is_utf8_text(text)) throw wrong_field(param, "expected a text in UTF-8 without control characters");
    if (text.size() > kLongestText) throw wrong_field(param, concat("longer than ", kLongestText, " bytes"));
}

}  // namespace

HttpError wrong_field(const std::string& param, const std::string& message) {
    return {400, "invalid_value", param + ": " + message, param};
}

void FilmForm::put(Values& values, const std::string& name, const std::string& text, const std::string& param) {
    check_text(text, param);
    const auto [at, is_new] = values.try_emplace(name, Value{text, param});
    if (is_new || at->second.text == text) return;
    const std::string& before = at->second.param;
    throw wrong_field(param, param == before ? "given twice, differently" : "given as " + before + " too, differently");
}

void FilmForm::put_field(const DialectField& field, const std::string& text) {
    check_range(field, text);
    field.film ? put(values_, field.film, text, field.name) : put(others_, field.name, text, field.name);
}

void FilmForm::add(const std::string& name, const ordered_json& value) {
    if (takes_ == Takes::format) return add_format(name, value);
    const DialectField* field = find_dialect(name);
    if (!field) throw unknown_field(name, film::find_field(name) ? concat("; it goes under ", kExtra) : "");
    if (value.is_null()) return;
    if (field->type == Type::names) return add_loras(value, name);
    if (field->type == Type::input) return add_input(value);
    if (field->type != Type::object) return put_field(*field, text_of(*field, value));
    if (!value.is_object()) throw wrong_field(name, "expected an object of a film's fields");
    for (const auto& [key, member] : value.items()) add_extra(key, member);
}

void FilmForm::add_text(const std::string& name, const std::string& text) {
    if (takes_ == Takes::format) return add_format(name, ordered_json(text));
    const size_t bracket = name.find('[');
    if (bracket != std::string::npos && name.ends_with(']'))
        return add_member(name.substr(0, bracket), name.substr(bracket + 1, name.size() - bracket - 2), text);
    const DialectField* field = find_dialect(name);
    const bool structured =
        field && (field->type == Type::names || field->type == Type::input || field->type == Type::object);
    if (!field || structured) {
        const std::string_view begin = trimmed(text);
        const bool is_json = begin.starts_with('{') || begin.starts_with('[') || begin.starts_with('"');
        return add(name, is_json ? parse_json_body(text, name) : ordered_json(text));
    }
    put_field(*field, text);
}

// "extra_params[solver]" and, again for each of a list, "lora[]": objects and lists as the API's clients put them into
// forms.
void FilmForm::add_member(const std::string& name, const std::string& member, const std::string& text) {
    const DialectField* field = find_dialect(name);
    const auto is = [&](Type type) { return field && field->type == type; };
    if (is(Type::names) && member.empty()) {
        check_text(text, name);
        if (!loras_) loras_.emplace();
        return loras_->push_back(text);
    }
    if (member.empty() || !(is(Type::object) || is(Type::input))) throw unknown_field(concat(name, "[", member, "]"));
    add(name, ordered_json::object({{member, text}}));
}

void FilmForm::add_format(const std::string& name, const ordered_json& value) {
    const RequestField* field = film::find_field(name);
    const bool container = name == kContainer;
    if (!container && (!field || field->use != RequestField::Use::format))
        throw unknown_field(name, "; expected container, or a field of the file's format");
    if (!value.is_null()) put(container ? others_ : values_, name, plain_text(value, name), name);
}

void FilmForm::add_extra(const std::string& name, const ordered_json& value) {
    const std::string param = concat(kExtra, ".", name);
    std::string own = name;
    std::ranges::replace(own, '_', '-');
    const RequestField* field = film::find_field(own);
    if (!field || !serving::is_served(*field)) throw unknown_field(param);
    if (value.is_null()) return;
    if (field->kind == RequestField::Kind::list) return add_loras(value, param);
    put(values_, own, plain_text(value, param), param);
}

void FilmForm::add_loras(const ordered_json& value, const std::string& param) {
    const auto one = [&](const ordered_json& lora) -> std::string {
        if (lora.is_string()) return lora.get<std::string>();
        const bool named = lora.is_object() && lora.contains("name") && lora["name"].is_string() &&
                           lora.size() == (lora.contains("weight") ? 2 : 1);
        if (!named || (lora.contains("weight") && !lora["weight"].is_number()))
            throw wrong_field(param, "expected names, or objects of name and weight");
        return lora["name"].get<std::string>() + (lora.contains("weight") ? ":" + lora["weight"].dump() : "");
    };
    std::vector<std::string> all;
    if (value.is_array())
        for (const ordered_json& lora : value) all.push_back(one(lora));
    else
        all.push_back(one(value));
    for (const std::string& lora : all) check_text(lora, param);
    if (loras_ && *loras_ != all) throw wrong_field(param, "given twice, differently");
    loras_ = std::move(all);
}

void FilmForm::add_input(const ordered_json& value) {
    const std::string param = "input_reference";
    const char* expected = R"(expected a file of a form, or {"image_url": "data:..."}, or {"file_id": "..."})";
    if (value.is_string())
        return add_upload(service_.uploads().add(bytes_of_data_url(value.get<std::string>(), param), param));
    if (!value.is_object() || value.size() != 1) throw wrong_field(param, expected);
    const std::string name = value.begin().key();
    const ordered_json& member = value.begin().value();
    const ordered_json* address = &member;
    if (name == "image_url" && member.is_object() && member.size() == 1 && member.contains("url"))
        address = &member["url"];
    if (!address->is_string() || (name != "image_url" && name != "file_id")) throw wrong_field(param, expected);
    if (name == "image_url") return add_input(*address);
    const std::string id = address->get<std::string>();
    put(values_, service_.uploads().kind_of(id, param) == serving::Upload::Kind::image ? "image" : "video", id, param);
}

void FilmForm::add_upload(const serving::Upload& upload) {
    put(values_, upload.field(), upload.id, "input_reference");
    upload_ = upload;
}

double FilmForm::frame_rate() const {
    if (const auto given = values_.find("fps"); given != values_.end())
        return film::parse_fps(Field("fps", given->second.text));
    if (upload_.fps > 0) return upload_.fps;
    if (const auto named = values_.find("video"); named != values_.end() && upload_.id.empty())
        if (const double fps = service_.uploads().find(named->second.text, named->second.param).fps; fps > 0)
            return fps;
    const auto chosen = values_.find("model");
    const bool another_model = chosen != values_.end() && origin_ && chosen->second.text != origin_->model;
    if (origin_ && !another_model) return origin_->film.fps;
    const auto models = service_.models();
    for (const serving::ModelView& model : models) {
        if (chosen == values_.end() || model.name == chosen->second.text) return model.defaults.fps;
    }
    throw wrong_field("model", chosen->second.text + ": no model of this server");
}

void FilmForm::work_out_size(Values& values) const {
    const auto width = others_.find("width"), height = others_.find("height"), none = others_.end();
    if (width == none && height == none) return;
    const auto size = values.find("size");
    const auto given = size == values.end() ? std::nullopt : two_numbers<int64_t>(size->second.text, "xX");
    if (!given && !origin_ && width == none) throw wrong_field("width", "expected beside height, or size");
    if (!given && !origin_ && height == none) throw wrong_field("height", "expected beside width, or size");
    int64_t w = given ? given->first : origin_ ? origin_->film.width : 0;
    int64_t h = given ? given->second : origin_ ? origin_->film.height : 0;
    if (width != none) w = number_in<int64_t>(width->second.text, "width");
    if (height != none) h = number_in<int64_t>(height->second.text, "height");
    values["size"] = {concat(w, "x", h), width == none ? "height" : "width"};
}

void FilmForm::work_out_frames(Values& values) const {
    const auto given = others_.find("seconds");
    if (given == others_.end()) return;
    const auto seconds = number_in<double>(given->second.text, "seconds");
    if (!std::isfinite(seconds)) throw wrong_field("seconds", "expected a number");
    if (values.contains("frames")) return;
    const double groups = std::round(seconds * frame_rate() / 4);  // of frames that share a latent one
    if (groups > kMostFrames / 4) throw wrong_field("seconds", given->second.text + ": too long");
    values["frames"] = {std::to_string(4 * static_cast<int64_t>(groups) + 1), "seconds"};
}

// Models here have one guidance for all noise levels.
void FilmForm::check_guidance() const {
    const auto second = others_.find("guidance_scale_2"), first = values_.find("cfg");
    if (second == others_.end()) return;
    const auto wanted = number_in<double>(second->second.text, second->first);
    if (first == values_.end() || number_of<double>(first->second.text) != wanted)
        throw wrong_field(second->first, "expected the value of guidance_scale: one guidance serves all noise levels");
}

std::string FilmForm::param_of(const std::string& film_field) const {
    const auto given = values_.find(film_field);
    if (given != values_.end()) return given->second.param;
    if (film_field == "frames" && others_.contains("seconds")) return "seconds";
    if (film_field == "size" && others_.contains("width")) return "width";
    return dialect_name(film_field);
}

serving::Submission FilmForm::submission() const {
    Values values = values_;
    work_out_size(values);
    work_out_frames(values);
    check_guidance();
    serving::Submission submission;
    for (const auto& [name, value] : values) submission.fields.emplace_back(name, value.text);
    for (const std::string& lora : loras_.value_or(std::vector<std::string>()))
        submission.fields.emplace_back("lora", lora);
    if (const auto given = others_.find(kContainer); given != others_.end()) {
        const auto all = serving::containers();
        const std::string container = (given->second.text.starts_with('.') ? "" : ".") + given->second.text;
        if (std::ranges::find(all, container) == all.end()) {
            std::string names;
            for (const std::string& one : all) names += (names.empty() ? "" : ", ") + one.substr(1);
            throw wrong_field(kContainer, given->second.text + ": expected one of " + names);
        }
        submission.container = container;
    }
    return submission;
}

}  // namespace t3video::server
