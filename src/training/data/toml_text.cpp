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

namespace t3video::training {
namespace {

using nlohmann::json;

// Refuses what the parser of toml++ 3.3 must not see. Outside of quotes and comments these are characters beyond ASCII
// and whatever is no name behind the bracket of a header: TOML allows them nowhere there, and the parser takes for
// granted that they are not there. Keys of many parts ("a.b.c") make as many nested tables, which it does not count.
class Scan {
  public:
    Scan(std::string_view text, const std::string& where) : text_(text), where_(where) {}

    void check() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (c == '"' || c == '\'') {
                if (at_ > 0 && !is_one_of(text_[at_ - 1], " \t\r\n=,[{.")) refuse("a quote opens inside of a word");
                skip_quotes(c);
            } else {
                check_plain(c);
                ++at_;
            }
        }
    }

  private:
    static bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

    [[noreturn]] void refuse(std::string_view what) const {
        const auto line = 1 + std::ranges::count(text_.substr(0, at_), '\n');
        throw InvalidRequest(concat(where_, ": line ", line, ": invalid TOML: ", what));
    }
    void check_plain(char c) {
        if (static_cast<unsigned char>(c) >= 0x80) refuse("characters beyond ASCII stand in quotes only");
        if (c == '[' && depth_ == 0) check_header();
        if (is_one_of(c, "[{")) ++depth_;
        if (is_one_of(c, "]}")) --depth_;
        if (is_one_of(c, "[]{}=,\n")) dots_ = 0;
        if (c == '.' && ++dots_ == 32) refuse("a name of more than 32 parts");
    }
    // Where a line begins with a bracket.
    void check_header() const {
        const std::string_view before = text_.substr(0, at_);
        const size_t line = before.find_last_of("\r\n") + 1;  // 0 in the first one
        if (before.find_first_not_of(" \t", line) != std::string_view::npos) return;
        const size_t name = text_.find_first_not_of(" \t", at_ + (text_.substr(at_).starts_with("[[") ? 2 : 1));
        const char c = name == std::string_view::npos ? '\0' : text_[name];
        const bool fits = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!fits && !is_one_of(c, "-_\"'")) refuse("no name behind [");
    }
    // From the opening quote to behind the closing one; a line's end closes what is not opened by three.
    void skip_quotes(char quote) {
        const std::string three(3, quote);
        const bool lines = text_.substr(at_).starts_with(three);
        for (at_ += lines ? 3 : 1; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (!lines && (c == quote || c == '\n')) break;
            if (lines && text_.substr(at_).starts_with(three)) break;
            if (c == '\\' && quote == '"') ++at_;
        }
        at_ = std::min(text_.size(), at_ + (lines ? 3 : 1));
        for (int more = 0; lines && more < 2 && at_ < text_.size() && text_[at_] == quote; ++more)
            ++at_;  // part of the text
    }

    std::string_view text_;
    const std::string& where_;
    size_t at_ = 0;
    int depth_ = 0, dots_ = 0;  // of brackets; between two names
};

std::string pointer_to(const std::string& above, std::string_view name) {
    std::string pointer = above + '/';
    for (const char c : name) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return pointer;
}

json value_of(const toml::node& node, const std::string& pointer, TomlText& text) {
    text.lines[pointer] = static_cast<int64_t>(node.source().begin.line);
    if (const auto* table = node.as_table()) {
        json value = json::object();
        for (const auto& [key, below] : *table)
            value[std::string(key.str())] = value_of(below, pointer_to(pointer, key.str()), text);
        return value;
    }
    if (const auto* array = node.as_array()) {
        json value = json::array();
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
    Scan(text, where).check();
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
    : text_(text), pointer_(std::move(pointer)), file_(file), values_(text.values.at(json::json_pointer(pointer_))) {
    require(values_.is_object(), "toml: ", pointer_, " is no table");
}

const json* TomlTable::value(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return nullptr;
    read_.insert(key);
    return &*found;
}

std::optional<std::string> TomlTable::text(const std::string& key) {
    const json* const found = value(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_string()) refuse(key, "a text in quotes");
    return found->get<std::string>();
}

std::optional<bool> TomlTable::flag(const std::string& key) {
    const json* const found = value(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_boolean()) refuse(key, "true or false");
    return found->get<bool>();
}

std::optional<int64_t> TomlTable::whole(const std::string& key, int64_t least, int64_t most) {
    const json* const found = value(key);
    if (found == nullptr) return std::nullopt;
    const auto number = whole_of(*found, least, most);
    if (!number) refuse(key, concat("a whole number of ", least, " to ", most));
    return number;
}

std::optional<double> TomlTable::number(const std::string& key, double least, double most) {
    const json* const found = value(key);
    if (found == nullptr) return std::nullopt;
    const double number = found->is_number() ? found->get<double>() : 0;
    if (!found->is_number() || !(number >= least && number <= most))
        refuse(key, concat("a number of ", least, " to ", most));
    return number;
}

std::vector<json> TomlTable::list(const std::string& key) {
    const json* const found = value(key);
    if (found == nullptr) return {};
    if (!found->is_array()) return {*found};
    return found->get<std::vector<json>>();
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

std::optional<int64_t> whole_of(const json& value, int64_t least, int64_t most) {
    if (!value.is_number_integer()) return std::nullopt;
    const auto number = value.get<int64_t>();
    return number >= least && number <= most ? std::optional(number) : std::nullopt;
}

}  // namespace t3video::training
