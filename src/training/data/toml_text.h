// TOML from files that may be broken or hostile.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace t3video::training {

struct TomlText {
    nlohmann::json values;                 // dates and times are texts
    std::map<std::string, int64_t> lines;  // that a value begins in, by its JSON pointer: "/datasets/0/resolution"
};

// Throws InvalidRequest, in one line beginning with `where`, with the line: for invalid TOML, more than 1 MiB, and
// values nested deeper than 16 or keys of more than 32 parts.
TomlText parse_toml(std::string_view text, const std::string& where);

// A table of such a text, which remembers what was asked for. What is of another type, or outside the limits, is
// refused with InvalidRequest, naming file, line and key.
class TomlTable {
  public:
    // The table at `pointer`, which is one; `file` begins messages. Both outlive this.
    TomlTable(const TomlText& text, std::string pointer, const std::string& file);

    // Null where there is none.
    const nlohmann::json* value(const std::string& key);
    bool has(const std::string& key) { return value(key) != nullptr; }
    std::optional<std::string> text(const std::string& key);
    std::optional<bool> flag(const std::string& key);
    std::optional<int64_t> whole(const std::string& key, int64_t least, int64_t most);
    std::optional<double> number(const std::string& key, double least, double most);
    // The values of a list; a single value counts as a list of one. Empty where there is none.
    std::vector<nlohmann::json> list(const std::string& key);

    int64_t line() const;  // of the table
    int64_t line(const std::string& key) const;
    // Throws the refusal of a value.
    [[noreturn]] void refuse(const std::string& key, const std::string& expected) const;
    // Keys that nobody asked for.
    std::vector<std::string> unread() const;

  private:
    const TomlText& text_;
    std::string pointer_;
    const std::string& file_;
    const nlohmann::json& values_;
    std::set<std::string> read_;
};

// The whole number that a value is, within the limits.
std::optional<int64_t> whole_of(const nlohmann::json& value, int64_t least, int64_t most);

}  // namespace t3video::training
