// Tells the kinds of lists apart.
#include "training/data/data_list.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/paths.h"
#include "media/film_format.h"
#include "training/data/clip_folder.h"
#include "training/data/json_list.h"
#include "training/data/list_text.h"
#include "training/data/record_list.h"
#include "training/data/set_builder.h"
#include "training/data/toml_list.h"

namespace t3video::training {
namespace {

// Whether a line of it is the beginning of a table. Rows of CSV do not begin with '['.
bool is_meant_as_toml(const std::filesystem::path& path, std::string_view text) {
    if (media::extension_of(path) == ".toml") return true;
    return std::ranges::any_of(lines_of(text), [](const TextLine& line) {
        return line.text == "[general]" || line.text == "[[datasets]]" || line.text == "[[directory]]";
    });
}

void add_list(SetBuilder& set, const std::filesystem::path& path) {
    require_valid(!clip_kind_of(path), path.string(), ": is a clip; give the folder that it is in, or a list of clips");
    const std::string extension = media::extension_of(path);
    require_valid(extension != ".yaml" && extension != ".yml", path.string(),
                  ": YAML is not read; give the folder of clips that it names");
    const std::string text = read_list_text(path, "a list of clips", kLargestList);
    require_valid(!trimmed(text).empty(), path.string(), ": is empty; expected a list of clips");
    require_valid(text.find('\0') == std::string::npos, path.string(), ": is no text; expected a list of clips");
    if (!is_meant_as_json(text) && is_meant_as_toml(path, text)) return add_toml_list(set, path, text);
    set.begin_group({}, 1, false);
    add_record_list(set, path, text);
}

void add_folder(SetBuilder& set, const std::filesystem::path& folder) {
    constexpr std::array kLists = {"metadata.csv",        "metadata.jsonl", "metadata.json",
                                   "videos2caption.json", "captions.json",  "clips.json"};
    const auto list = std::ranges::find_if(kLists, [&](const char* name) { return is_file(folder / name); });
    if (list != kLists.end()) {
        add_list(set, folder / *list);
        for (auto other = list + 1; other != kLists.end(); ++other) {
            if (is_file(folder / *other)) set.pass_over(*other);
        }
        return;
    }
    set.begin_group({}, 1, false);
    add_clip_folder(set, folder, set.options().caption_extension);
}

}  // namespace

DataSet read_data_list(const std::filesystem::path& path, const DataListOptions& options) {
    SetBuilder set(options);
    if (is_folder(path))
        add_folder(set, path);
    else
        add_list(set, path);
    return std::move(set).finish(path);
}

}  // namespace t3video::training
