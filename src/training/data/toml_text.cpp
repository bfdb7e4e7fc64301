// Turns toml++'s tables into JSON, which the readers above know.
#include "training/data/toml_text.h"

// The library as headers, so that nesting, which its parser and destructors follow by recursion, has a limit of our
// own.
#define TOML_HEADER_ONLY 1
#define TOML_MAX_NESTED_VALUES 16
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>

#include "core/error.h"
#include "core/printable.h"
#include "training/data/list_text.h"

namespace t3video::training {
namespace {

using nlohmann::ordered_json;

// A key of many parts ("a.b.c") makes as many nested tables, which the library does not count. A stretch that could be
// a key is anything without brackets, commas and signs of assignment.
void check_keys(std::string_view text, const std::string& where) {
    constexpr int kMostParts = 32;
    for (const TextLine& line : lines_of(text)) {
        if (line.text.starts_with('#')) continue;
        int dots = 0;
        for (const char c : line.text) {
            if (c == '.') ++dots;
            if (std::string_view("[]{}=,").find(c) != std::string_view::npos) dots = 0;
            require_valid(dots < kMostParts, where, ": line ", line.number, ": has a name of more than ", kMostParts,
                          " parts");
        }
    }
}

std::string pointer_to(const std::string& above, std::string_view name) {
    std::string pointer = above + '/';
    for (const char c : name) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return pointer;
}

ordered_json value_of(const toml::node& node, const std::string& pointer, TomlText& text) {
    text.lines[pointer] = static_cast<int64_t>(node.source().begin.line);
    if (const auto* table = node.as_table()) {
        // toml++ sorts keys; the order of the text has no meaning in TOML.
        ordered_json value = ordered_json::object();
        for (const auto& [key, below] : *table)
            value[std::string(key.str())] = value_of(below, pointer_to(pointer, key.str()), text);
        return value;
    }
    if (const auto* array = node.as_array()) {
        ordered_json value = ordered_json::array();
        for (size_t i = 0; i < array->size(); ++i)
            value.push_back(value_of((*array)[i], pointer_to(pointer, std::to_string(i)), text));
        return value;
    }
    if (const auto* string = node.as_string()) return string->get();
    if (const auto* whole = node.as_integer()) return whole->get();
    if (const auto* number = node.as_floating_point()) return number->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    return "(a date or time)";
}

}  // namespace

TomlText parse_toml(std::string_view text, const std::string& where) {
    constexpr size_t kLongest = size_t{1} << 20;
    require_valid(text.size() <= kLongest, where, ": has more than 1 MiB, which is too much for settings in TOML");
    check_keys(text, where);
    try {
        TomlText result;
        result.values = value_of(toml::parse(text), "", result);
        return result;
    } catch (const toml::parse_error& error) {
        throw InvalidRequest(
            concat(where, ": line ", error.source().begin.line, ": invalid TOML: ", printable(error.description())));
    }
}

TomlTable::TomlTable(const TomlText& text, std::string pointer, const std::string& file)
    : text_(text),
      pointer_(std::move(pointer)),
      file_(file),
      values_(text.values.at(ordered_json::json_pointer(pointer_))) {
    require(values_.is_object(), "toml: ", pointer_, " is no table");
}

const ordered_json* TomlTable::value(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return nullptr;
    read_.insert(key);
    return &*found;
}

std::optional<std::string> TomlTable::text(const std::string& key) {
    const ordered_json* const found = value(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_string()) refuse(key, "a text in quotes");
    return found->get<std::string>();
}

std::optional<bool> TomlTable::flag(const std::string& key) {
    const ordered_json* const found = value(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_boolean()) refuse(key, "true or false");
    return found->get<bool>();
}

std::optional<int64_t> TomlTable::whole(const std::string& key, int64_t least, int64_t most) {
    const ordered_json* const found = value(key);
    if (found == nullptr) return std::nullopt;
    const auto number = whole_of(*found, least, most);
    if (!number) refuse(key, concat("a whole number of ", least, " to ", most));
    return number;
}

std::optional<double> TomlTable::number(const std::string& key, double least, double most) {
    const ordered_json* const found = value(key);
    if (found == nullptr) return std::nullopt;
    const double number = found->is_number() ? found->get<double>() : 0;
    if (!found->is_number() || !(number >= least && number <= most))
        refuse(key, concat("a number of ", least, " to ", most));
    return number;
}

std::vector<ordered_json> TomlTable::list(const std::string& key) {
    const ordered_json* const found = value(key);
    if (found == nullptr) return {};
    if (!found->is_array()) return {*found};
    return found->get<std::vector<ordered_json>>();
}

int64_t TomlTable::line() const {
    return text_.lines.at(pointer_);
}

int64_t TomlTable::line(const std::string& key) const {
    return text_.lines.at(pointer_to(pointer_, key));
}

void TomlTable::refuse(const std::string& key, const std::string& expected) const {
    const std::string shown = values_.at(key).dump();
    throw InvalidRequest(concat(file_, ": line ", line(key), ": ", key, " is ", printable(shown.substr(0, 40)),
                                ", expected ", expected));
}

std::vector<std::string> TomlTable::unread() const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : values_.items()) {
        if (!read_.contains(key)) keys.push_back(key);
    }
    return keys;
}

std::optional<int64_t> whole_of(const ordered_json& value, int64_t least, int64_t most) {
    if (!value.is_number_integer()) return std::nullopt;
    const auto number = value.get<int64_t>();
    return number >= least && number <= most ? std::optional(number) : std::nullopt;
}

}  // namespace t3video::training
