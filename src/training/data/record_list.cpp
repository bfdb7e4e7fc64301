// Finds clip and captions in records by the names that trainers use.
#include "training/data/record_list.h"

#include <algorithm>
#include <array>

#include "checkpoint/json_text.h"
#include "core/error.h"
#include "core/json.h"
#include "core/printable.h"
#include "training/data/csv.h"
#include "training/data/json_list.h"

namespace t3video::training {
namespace {

using nlohmann::json;
using Kind = DataProblem::Kind;

// The first of these that a record has and that holds something.
constexpr std::array kPaths = {"data_file", "video", "video_path", "path",      "file_name",
                               "file_path", "file",  "image",      "image_path"};
constexpr std::array kCaptions = {"prompt_en", "prompt", "caption", "cap", "captions", "text"};
// Facts about a clip that are read from the clip itself, and numbers of the list's own; pandas gives those no name.
constexpr std::array kFacts = {"",       "id",   "fps",    "duration",  "num_frames", "resolution",  "width",
                               "height", "size", "frames", "data_type", "type",       "aspect_ratio"};

bool is_one_of(const auto& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

bool holds_something(const json& value) {
    return !value.is_null() && !(value.is_string() && value.get_ref<const std::string&>().empty());
}

// The member of that kind that is to be taken: the first one that holds something, else the first one; null for none.
const char* member_of(const json& record, const auto& names) {
    const char* first = nullptr;
    for (const char* name : names) {
        const auto found = record.find(name);
        if (found == record.end()) continue;
        if (holds_something(*found)) return name;
        if (first == nullptr) first = name;
    }
    return first;
}

// Nothing where a caption is no text.
std::optional<std::vector<std::string>> captions_of(const json& value) {
    if (value.is_null()) return std::vector<std::string>();
    if (value.is_string()) return std::vector{value.get<std::string>()};
    if (!value.is_array() || !std::ranges::all_of(value, [](const auto& text) { return text.is_string(); }))
        return std::nullopt;
    return value.get<std::vector<std::string>>();
}

std::string start_of(const json& value) {
    return printable(value.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 40));
}

class Records {
  public:
    Records(SetBuilder& set, const std::filesystem::path& list) : set_(set), list_(list) {}

    void add_json(std::string_view text) {
        if (trimmed(text).starts_with('[')) {
            for (const TextLine& entry : split_json_list(text, list_.string())) add_text(entry);
            return;
        }
        if (!parse_json_or_discard(text).is_object()) {
            for (const TextLine& line : lines_of(text)) add_text(line);
            return;
        }
        const json whole = checkpoint::parse_json(text, list_.string());  // which refuses names that appear twice
        if (member_of(whole, kPaths) != nullptr) return add(whole, {list_, 0});
        for (const auto& [name, captions] : whole.items()) add(name, captions, {list_, 0});
    }
    void add_csv(std::string_view text) {
        const std::string_view head = trimmed(text).substr(0, trimmed(text).find_first_of("\r\n"));
        for (const char separator : {',', ';', '\t'}) {
            std::vector<CsvRow> first = parse_csv(head, separator, list_.string());
            if (first.empty()) continue;
            for (std::string& name : first[0].fields) name = trimmed(name);
            const auto named = [&](const auto& names) {
                return std::ranges::any_of(first[0].fields, [&](const auto& name) { return is_one_of(names, name); });
            };
            if (named(kPaths) && named(kCaptions))
                return add_rows(parse_csv(text, separator, list_.string()), first[0].fields);
        }
        throw InvalidRequest(concat(list_.string(),
                                    ": is no list of clips: expected JSON, TOML, or CSV with a first row such as "
                                    "\"video,prompt\"; it begins with ",
                                    in_quotes(head)));
    }

  private:
    void add_text(const TextLine& entry) {
        const Place place{list_, entry.number};
        try {
            add(checkpoint::parse_json(entry.text, "the entry"), place);
        } catch (const InvalidRequest& error) {
            set_.tell(Kind::broken, place, error.what());
        }
    }
    void add_rows(const std::vector<CsvRow>& rows, const std::vector<std::string>& names) {
        for (auto row = rows.begin() + 1; row != rows.end(); ++row) {
            const Place place{list_, row->line};
            if (row->fields.size() != names.size()) {
                set_.tell(Kind::broken, place,
                          concat("has ", row->fields.size(), " fields, but the first row has ", names.size()));
                continue;
            }
            json record = json::object();
            for (size_t i = 0; i < names.size(); ++i) record[names[i]] = row->fields[i];
            add(record, place);
        }
    }
    void add(const json& record, const Place& place) {
        if (!record.is_object()) {
            return set_.tell(
                Kind::broken, place,
                concat("is ", start_of(record), R"(, expected such as {"video": "a.mp4", "prompt": "..."})"));
        }
        const char* const path = member_of(record, kPaths);
        const char* const caption = member_of(record, kCaptions);
        if (path == nullptr || !record[path].is_string()) {
            return set_.tell(Kind::broken, place,
                             R"(has no text "video" (or "data_file", "video_path", "path", "image", ...))");
        }
        add(record[path].get<std::string>(), caption == nullptr ? json() : record[caption], place);
        for (const auto& [name, value] : record.items()) {
            if (name == path || (caption != nullptr && name == caption) || !holds_something(value)) continue;
            if (is_one_of(kFacts, name))
                set_.pass_over(name);
            else
                set_.tell_unread(place, name);
        }
    }
    void add(const std::string& name, const json& captions, const Place& place) {
        if (const auto texts = captions_of(captions)) return set_.add(place, name, *texts);
        set_.tell(Kind::broken, place,
                  concat("the caption of ", in_quotes(name), " is ", start_of(captions), ", expected a text"));
    }

    SetBuilder& set_;
    const std::filesystem::path& list_;
};

}  // namespace

void add_record_list(SetBuilder& set, const std::filesystem::path& list, std::string_view text) {
    Records records(set, list);
    if (is_meant_as_json(text))
        records.add_json(text);
    else
        records.add_csv(text);
}

}  // namespace t3video::training
