// Reads a batch's list.
#include "apps/common/batch_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include "checkpoint/foreign_file.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/text_lines.h"
#include "core/utf8.h"
#include "film/fields.h"

namespace t3video::apps {
namespace {

using film::RequestField;
using nlohmann::ordered_json;

constexpr std::array<const char*, 4> kPrompts = {"prompt_en", "prompt", "caption", "text"};
constexpr const char* kExpected =
    R"(expected a list of prompts: lines of text, or JSON such as [{"prompt": "A red ball drifts left.", "seed": 3}])";

void require_text(std::string_view text, const std::filesystem::path& path) {
    const size_t at = first_non_text(text);
    if (at == std::string_view::npos) return;
    size_t line = 1;
    for (size_t i = 0; i < at; ++i) line += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n') ? 1 : 0;
    const auto byte = static_cast<unsigned char>(text[at]);
    throw InvalidRequest(concat(path.string(), ": line ", line,
                                byte >= 0x80 ? " is not UTF-8; save it as UTF-8"
                                             : " holds a control character, as no text in UTF-8 does; save the list "
                                               "as a text in UTF-8"));
}

std::string lower(std::string_view text) {
    std::string all(text);
    std::ranges::transform(all, all.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return all;
}

// What stands between commas, semicolons or tabs, without quotes.
std::vector<std::string> cells_of(std::string_view line) {
    std::vector<std::string> cells(1);
    for (const char c : line) {
        if (c == ',' || c == ';' || c == '\t')
            cells.emplace_back();
        else if (c != '"')
            cells.back() += c;
    }
    for (std::string& cell : cells) cell = trimmed(cell);
    return cells;
}

// The first line of a table, "prompt,seed", or of YAML, "- prompt: A red ball", is no prompt.
void require_prompt_lines(const TextLine& first, const std::filesystem::path& path) {
    const std::string line = lower(first.text);
    const auto names = [&](std::string_view before, std::string_view after) {
        return std::ranges::any_of(kPrompts, [&](const char* name) {
            const std::string start = concat(before, name, after);
            return line.starts_with(start) || line.starts_with(concat(before, '"', name, '"', after));
        });
    };
    const std::vector<std::string> cells = cells_of(line);
    const bool head = cells.size() > 1 && std::ranges::any_of(cells, [](const std::string& cell) {
                          return std::ranges::find(kPrompts, cell) != kPrompts.end();
                      });
    require_valid(!head, path.string(), ": line ", first.number, ": ", first.text.substr(0, 40),
                  " is the head of a table (CSV); ", kExpected);
    require_valid(line != "---" && !names("- ", ":") && !names("", ":") && !line.starts_with("prompts:"), path.string(),
                  ": line ", first.number, ": ", first.text.substr(0, 40), " looks like YAML; ", kExpected);
}

// Names of diffusers' pipelines for fields of a film.
std::string field_name(std::string name) {
    if (name == "negative_prompt") return "negative";
    if (name == "num_inference_steps") return "steps";
    if (name == "guidance_scale") return "cfg";
    if (name == "num_frames") return "frames";
    std::ranges::replace(name, '_', '-');
    return name;
}

// What trainers read behind a prompt in a line: size, frames, seed, steps, guidance, negative prompt, pictures.
std::string_view foreign_option(std::string_view line) {
    constexpr std::string_view kOptions[] = {"w", "h", "f", "d", "s", "g", "fs", "l", "n", "i", "ei", "ci", "of", "ar"};
    for (size_t at = line.find(" --"); at != std::string_view::npos; at = line.find(" --", at + 1)) {
        const std::string_view option = line.substr(at + 1, line.find(' ', at + 1) - at - 1);
        if (std::ranges::find(kOptions, option.substr(2)) != std::end(kOptions)) return option;
    }
    return {};
}

class Reader {
  public:
    explicit Reader(std::filesystem::path path) : path_(std::move(path)) {}

    void add(std::string_view prompt, const std::string& where, std::string_view name) {
        const bool blank = prompt.find_first_not_of(" \t\r\n") == std::string_view::npos;
        require_valid(!blank, where, ": ", name, " is empty; describe the film in a sentence");
        list_.items.push_back({std::string(prompt)});
    }
    void add_line(const TextLine& line) {
        const std::string where = at_line(line.number);
        const std::string_view foreign = foreign_option(line.text);
        require_valid(foreign.empty(), where, ": ", foreign,
                      " looks like an option of another program; here what a "
                      R"(film has of its own is JSON, as in {"prompt": "...", "size": "832x480", "seed": 3})");
        add(line.text, where, "the prompt");
    }
    void add(const ordered_json& entry, const std::string& where) {
        if (entry.is_string()) return add(entry.get_ref<const std::string&>(), where, "the prompt");
        require_valid(entry.is_object(), where, ": is ", entry.dump().substr(0, 40), "; ", kExpected);
        const auto named = std::ranges::find_if(kPrompts, [&](const char* name) { return entry.contains(name); });
        require_valid(named != kPrompts.end() && entry[*named].is_string(), where,
                      R"( has no text "prompt" (or "prompt_en", "caption", "text"))");
        add(entry[*named].get_ref<const std::string&>(), where, concat('"', *named, '"'));
        const bool width = has_value(entry, "width"), height = has_value(entry, "height");
        require_valid(width == height, where, ": has \"", width ? "width" : "height", "\" but no \"",
                      width ? "height" : "width", "\"");
        if (width)
            add_member("size", concat(number_at(entry, "width", where), 'x', number_at(entry, "height", where)), where);
        for (const auto& [name, value] : entry.items()) {
            const bool read = name == *named || (width && (name == "width" || name == "height"));
            if (!read && !value.is_null()) add_member(name, value, where);
        }
    }
    // {"prompts": [...]}: what else such an object says would hold for all, and is refused where it is a film's.
    void add_all(const ordered_json& object) {
        for (const auto& [name, value] : object.items()) {
            if (name == "prompts") continue;
            const bool field = film::find_field(field_name(name)) != nullptr || name == "width" || name == "height";
            require_valid(!field, path_.string(), ": \"", name,
                          "\" stands beside \"prompts\"; give it with each prompt, or with the command");
            list_.unread.insert(name);
        }
        add_entries(object["prompts"]);
    }
    void add_entries(const ordered_json& entries) {
        for (size_t i = 0; i < entries.size(); ++i) add(entries[i], concat(path_.string(), ": entry ", i));
    }
    std::string at_line(int64_t number) const { return concat(path_.string(), ": line ", number); }
    BatchList finish() {
        require_valid(!list_.items.empty(), path_.string(), ": holds no prompts; ", kExpected);
        return std::move(list_);
    }

  private:
    static bool has_value(const ordered_json& entry, const char* name) {
        return entry.contains(name) && !entry[name].is_null();
    }
    static std::string number_at(const ordered_json& entry, const char* name, const std::string& where) {
        const ordered_json& value = entry[name];
        require_valid(value.is_number() || value.is_string(), where, ": \"", name, "\" is ", value.dump().substr(0, 40),
                      ", expected a number");
        return value.is_string() ? value.get<std::string>() : value.dump();
    }
    void add_member(const std::string& name, const ordered_json& value, const std::string& where) {
        const RequestField* const field = field_of(name);
        if (field == nullptr || name == "prompt") {
            list_.unread.insert(name);
            return;
        }
        const bool own = field->recorded() && field->group != std::string_view("Model");
        require_valid(own, where, ": \"", name, "\" holds for all films of a batch; give it with the command");
        require_valid(value.is_string() || value.is_number() || value.is_boolean(), where, ": \"", name, "\" is ",
                      value.dump().substr(0, 40), ", expected a text or a number");
        std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        if (field->kind == RequestField::Kind::path) text = (path_.parent_path() / text).string();
        try {
            film::Request any;
            field->set(any, Field(name, text));
        } catch (const InvalidRequest& error) {
            throw InvalidRequest(concat(where, ": ", error.what()));
        }
        const bool twice = std::ranges::any_of(list_.items.back().fields,
                                               [&](const auto& other) { return other.first == field->name; });
        require_valid(!twice, where, ": \"", name, "\" says again what another member says; leave one of them out");
        if (field->kind != RequestField::Kind::flag || text == "true")
            list_.items.back().fields.emplace_back(field->name, text);
    }

    // Flags that hold are taken back by "no_sound".
    static const RequestField* field_of(const std::string& name) {
        const std::string known = field_name(name);
        const RequestField* const field = film::find_field(known);
        return field == nullptr && known.starts_with("no-") ? film::find_field(known.substr(3)) : field;
    }

    std::filesystem::path path_;
    BatchList list_;
};

// Whether the text begins as JSON does: broken JSON is no list of prompts.
bool is_meant_as_json(const std::vector<TextLine>& lines) {
    const std::string_view first = lines.front().text, last = lines.back().text;
    return first.starts_with('{') || (first.starts_with('[') && last.ends_with(']'));
}

}  // namespace

std::string film_name(size_t entry) {
    return fmt::format("{:05}", entry);
}

BatchList read_batch_list(const std::filesystem::path& path) {
    const std::string text =
        without_mark(read_text_file(path, "a batch's list of prompts", kLargestText, Pipes::accepted), path);
    checkpoint::refuse_other_kind(text, path.string());
    require_text(text, path);
    std::vector<TextLine> lines = lines_of(text);
    std::erase_if(lines, [](const TextLine& line) { return line.text[0] == '#'; });
    Reader reader(path);
    if (lines.empty()) return reader.finish();
    const auto whole = parse_json_or_discard<ordered_json>(text);
    if (whole.is_array()) {
        reader.add_entries(whole);
        return reader.finish();
    }
    if (whole.is_object() && whole.contains("prompts") && whole["prompts"].is_array()) {
        reader.add_all(whole);
        return reader.finish();
    }
    if (whole.is_object() || whole.is_string()) {
        reader.add(whole, path.string());
        return reader.finish();
    }
    const auto first = parse_json_or_discard<ordered_json>(lines.front().text);
    if (first.is_object() || first.is_string()) {
        for (const TextLine& line : lines) {
            const auto entry = parse_json_or_discard<ordered_json>(line.text);
            require_valid(!entry.is_discarded(), reader.at_line(line.number), ": is no JSON, but the lines before are");
            reader.add(entry, reader.at_line(line.number));
        }
        return reader.finish();
    }
    const std::string extension = path.extension().string();
    const bool json = extension == ".json" || extension == ".jsonl" || is_meant_as_json(lines);
    require_valid(!json, path.string(), ": no valid JSON; ", kExpected);
    require_prompt_lines(lines.front(), path);
    for (const TextLine& line : lines) reader.add_line(line);
    return reader.finish();
}

}  // namespace t3video::apps
