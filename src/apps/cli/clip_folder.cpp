// Drawn clips as files.
#include "apps/cli/clip_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error.h"
#include "core/json.h"
#include "core/numbers.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "film/field_values.h"
#include "media/film_comment.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;
using media::clips::Clip;
using media::clips::Series;

constexpr const char* kRecord = "t3video_clip";  // the one member of a clip's comment

// Empty where there is no such file.
std::string text_of(const fs::path& path) {
    std::ostringstream text;
    if (is_file(path)) text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

bool same_bytes(const fs::path& a, const fs::path& b) {
    if (!is_file(a) || !is_file(b) || file_bytes(a) != file_bytes(b)) return false;
    std::ifstream first(a, std::ios::binary), second(b, std::ios::binary);
    return first && second &&
           std::equal(std::istreambuf_iterator<char>(first), std::istreambuf_iterator<char>(),
                      std::istreambuf_iterator<char>(second), std::istreambuf_iterator<char>());
}

// What a picture or video says that it is; empty for whatever cannot be read.
std::string comment_of(const fs::path& file) try {
    return media::read_film_info(file).comment;
} catch (const InvalidRequest&) {
    return {};
}

// Empty where there is no text under the key.
std::string text_at(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

void OutputFolder::make(const fs::path& path) {
    const fs::path named = path.has_filename() ? path : path.parent_path();
    std::error_code error;
    if (fs::create_directory(named, error)) made_ = named;
    require_valid(is_folder(path), Field("output", path.string()), ": the folder cannot be made",
                  error ? ": " + error.message() : std::string());
}

OutputFolder::~OutputFolder() {
    std::error_code ignored;
    if (!made_.empty()) fs::remove(made_, ignored);  // refused for a folder that holds something
}

ClipFolder::ClipFolder(fs::path folder, ClipSettings settings, int64_t count)
    : folder_(std::move(folder)), settings_(std::move(settings)) {
    const ClipSettings& s = settings_;
    media::clips::check_clip(s.width, s.height, s.frames);
    media::check_film(output(0), s.width, s.height, s.fps);
    Series series(s.seed, s.split);
    if (name_exists(folder_)) {
        for (const Item& item : read_list()) {
            if (item.index >= count && state_of(item) >= State::whole) there_.push_back(item);
        }
    }
    for (int64_t i = 0; i < count; ++i) {
        const Item item{i, series.at(i)};
        (state_of(item) == State::whole ? there_ : missing_).push_back(item);
    }
    made_folder_.make(folder_);
    if (!missing_.empty()) media::check_output(output(missing_.front().index));
    check_writable(list());
}

std::string ClipFolder::name(int64_t index) const {
    return fmt::format("{:05}{}", index, settings_.extension == "/" ? "" : settings_.extension);
}

fs::path ClipFolder::output(int64_t index) const {
    return folder_ / fmt::format("{:05}{}", index, settings_.extension);
}

std::string ClipFolder::record(const Item& item) const {
    const ClipSettings& s = settings_;
    const nlohmann::ordered_json clip = {{"prompt", media::clips::caption(item.entry.subject)},
                                         {"seed", s.seed},
                                         {"index", item.index},
                                         {"held_out", s.split == media::clips::Split::held_out},
                                         {"size", fmt::format("{}x{}", s.width, s.height)},
                                         {"frames", s.frames},
                                         {"fps", film::fps_text(s.fps.value())}};
    return nlohmann::ordered_json{{kRecord, clip}}.dump();
}

media::VideoOptions ClipFolder::options(const Item& item) const {
    // One thread, as clips are made side by side: the bytes of a file then do not depend on the machine's cores.
    media::VideoOptions options{.threads = 1};
    if (settings_.extension != ".y4m") options.comment = record(item);
    return options;
}

void ClipFolder::refuse(const fs::path& path) const {
    throw InvalidRequest(Message(path.string(), ": is there already and is not what this command makes; give another ",
                                 Field("output"), ", or the settings that the clips there were made with"));
}

ClipFolder::State ClipFolder::state_of(const Item& item) const {
    const fs::path path = output(item.index);
    if (settings_.extension == ".y4m") return name_exists(path) ? State::unknown : State::absent;
    const std::string mine = record(item);
    const std::vector<media::OutputEntry> entries = media::entries_of_output(path);
    for (const media::OutputEntry& entry : entries) {
        if (entry.frame >= settings_.frames || comment_of(entry.path) != mine) refuse(entry.path);
    }
    const size_t files = settings_.extension == "/" ? static_cast<size_t>(settings_.frames) : 1;
    return entries.empty() ? State::absent : entries.size() < files ? State::partly : State::whole;
}

bool ClipFolder::make(const Item& item, const std::stop_token& stop) const {
    const ClipSettings& s = settings_;
    const fs::path path = output(item.index);
    if (stop.stop_requested()) return false;
    const auto writer = media::open_writer(path, s.width, s.height, s.fps, options(item));
    const Clip clip(item.entry, s.width, s.height, s.frames);
    for (int64_t i = 0; i < s.frames; ++i) {
        if (stop.stop_requested()) return false;
        writer->write(media::clips::image_of(clip.frame(i)));
    }
    writer->finish();
    // Looked at once more: another program may have made it meanwhile. A kind of file without a record is compared.
    if (state_of(item) == State::unknown) {
        if (!same_bytes(writer->files().front()->path(), path)) refuse(path);
        return true;
    }
    writer->close();
    return true;
}

// The items of an earlier list. Throws InvalidRequest for a list of anything else.
std::vector<ClipFolder::Item> ClipFolder::read_list() const {
    std::vector<Item> items;
    if (!name_exists(list())) return items;
    if (!is_file(list())) refuse(list());
    const nlohmann::json entries = parse_json_or_discard(text_of(list()));
    if (!entries.is_array()) refuse(list());
    Series series(settings_.seed, settings_.split);
    for (const nlohmann::json& entry : entries) {
        const std::string file_name = entry.is_object() ? text_at(entry, "data_file") : std::string();
        const auto index = number_of<int64_t>(file_name.substr(0, file_name.find('.')));
        if (!index || *index < 0) refuse(list());
        const Item item{*index, series.at(*index)};
        const nlohmann::json right = {{"data_file", name(*index)},
                                      {"prompt_en", media::clips::caption(item.entry.subject)}};
        if (entry != right) refuse(list());
        items.push_back(item);
    }
    return items;
}

size_t ClipFolder::write_list(const std::vector<Item>& made) const {
    std::map<int64_t, std::string> captions;
    for (const std::vector<Item>* items : {&there_, &made})
        for (const Item& item : *items) captions[item.index] = media::clips::caption(item.entry.subject);
    nlohmann::ordered_json entries = nlohmann::ordered_json::array();
    for (const auto& [index, text] : captions) entries.push_back({{"data_file", name(index)}, {"prompt_en", text}});
    const std::string text = entries.dump(1) + "\n";
    if (text_of(list()) != text) replace_file(list(), text);
    return captions.size();
}

std::optional<ClipRecord> parse_clip_record(const std::string& comment) try {
    const auto json = parse_json_or_discard<nlohmann::ordered_json>(comment);
    if (!json.is_object() || !json.contains(kRecord)) return std::nullopt;
    const auto& clip = json.at(kRecord);
    ClipRecord record{clip.at("prompt"), clip.at("index"), {}};
    record.options.push_back(concat("--seed ", clip.at("seed").get<uint64_t>()));
    if (clip.at("held_out").get<bool>()) record.options.emplace_back("--held-out");
    record.options.push_back("--size " + clip.at("size").get<std::string>());
    record.options.push_back(concat("--frames ", clip.at("frames").get<int64_t>()));
    record.options.push_back("--fps " + clip.at("fps").get<std::string>());
    return record;
} catch (const nlohmann::json::exception&) {
    return std::nullopt;
}

}  // namespace t3video::apps
