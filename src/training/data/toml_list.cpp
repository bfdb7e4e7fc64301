// Reads groups of clips with their settings out of TOML.
#include "training/data/toml_list.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/paths.h"
#include "core/printable.h"
#include "training/data/clip_folder.h"
#include "training/data/list_text.h"
#include "training/data/record_list.h"
#include "training/data/toml_text.h"

namespace t3video::training {
namespace {

using nlohmann::json;
using Kind = DataProblem::Kind;

constexpr int64_t kMostFrames = 1'000'000;
constexpr int64_t kMostRepeats = 1'000'000;
constexpr const char* kResolution = "[width, height] in pixels, or the side of a square";

// Settings of a group: what is said for all, then what is said for it.
struct Group {
    DataSettings settings;
    int64_t repeats = 1;
    std::string caption_extension;
    std::optional<double> min_ratio, max_ratio;  // diffusion-pipe
    std::optional<int64_t> ratio_count;
    bool without_captions = false;
};

std::optional<Size> size_of(const json& value) {
    if (const auto side = whole_of(value, 1, kLongestSide)) return Size{*side, *side};
    if (!value.is_array() || value.size() != 2) return std::nullopt;
    const auto width = whole_of(value[0], 1, kLongestSide), height = whole_of(value[1], 1, kLongestSide);
    return width && height ? std::optional(Size{*width, *height}) : std::nullopt;
}

// A shape as width by height, or as [width, height].
std::optional<double> ratio_of(const json& value) {
    double ratio = 0;
    if (value.is_number()) {
        ratio = value.get<double>();
    } else if (const auto size = size_of(value)) {
        ratio = static_cast<double>(size->width) / static_cast<double>(size->height);
    }
    return ratio >= 0.01 && ratio <= 100 ? std::optional(ratio) : std::nullopt;
}

template <class T>
void take(std::optional<T> value, auto& to) {
    if (value) to = *value;
}

class Reader {
  public:
    Reader(SetBuilder& set, const std::filesystem::path& list, std::string_view text)
        : set_(set), list_(list), name_(list.string()), text_(parse_toml(text, name_)) {}

    void add_groups() {
        TomlTable top(text_, "", name_);
        if (top.has("datasets")) return add_musubi(top);
        if (top.has("directory")) return add_diffusion_pipe(top);
        const auto elsewhere = text_.values.find("dataset");
        const bool named = elsewhere != text_.values.end() && elsewhere->is_string();
        throw InvalidRequest(concat(
            name_, ": has neither [[datasets]] (musubi-tuner) nor [[directory]] (diffusion-pipe)",
            named ? concat("; its data set is ", in_quotes(elsewhere->get_ref<const std::string&>())) : std::string()));
    }

  private:
    // The tables of a list of tables.
    size_t count_of(TomlTable& top, const std::string& key) {
        const std::vector<json> tables = top.list(key);
        const bool all = std::ranges::all_of(tables, [](const auto& table) { return table.is_object(); });
        if (!all || !text_.values[key].is_array()) top.refuse(key, concat("tables [[", key, "]]"));
        return tables.size();
    }
    TomlTable table_at(const std::string& pointer) { return {text_, pointer, name_}; }

    void add_musubi(TomlTable& top) {
        Group general{.caption_extension = set_.options().caption_extension};
        if (top.has("general")) {
            if (!text_.values["general"].is_object()) top.refuse("general", "a table [general]");
            TomlTable table = table_at("/general");
            read_musubi(table, general);
            tell_unread(table);
        }
        const size_t count = count_of(top, "datasets");
        for (size_t i = 0; i < count; ++i) {
            TomlTable table = table_at(concat("/datasets/", i));
            Group group = general;
            read_musubi(table, group);
            add_musubi_clips(table, group);
            tell_unread(table);
        }
        tell_unread(top);
    }
    void add_musubi_clips(TomlTable& table, const Group& group) {
        constexpr std::array kSources = {"video_directory", "video_jsonl_file", "image_directory", "image_jsonl_file"};
        std::string source;
        for (const char* name : kSources) {
            if (!table.has(name)) continue;
            require_valid(source.empty(), name_, ": line ", table.line(name), ": both ", source, " and ", name,
                          "; a [[datasets]] has one of them");
            source = name;
        }
        require_valid(!source.empty(), name_, ": line ", table.line(),
                      ": a [[datasets]] without video_directory, video_jsonl_file, ",
                      "image_directory or image_jsonl_file");
        begin(group);
        const bool video = source.starts_with("video");
        add_source(table, source, [&](const std::filesystem::path& path) {
            if (source.ends_with("directory")) {
                return add_clip_folder(set_, path, group.caption_extension,
                                       video ? ClipKind::video : ClipKind::picture);
            }
            add_record_list(set_, path, read_list_text(path, "a list of clips", kLargestList));
        });
    }
    void read_musubi(TomlTable& table, Group& group) {
        DataSettings& settings = group.settings;
        if (table.has("resolution")) settings.resolutions = {resolution_in(table)};
        read_lengths(table, "target_frames", settings);
        if (const auto name = table.text("frame_extraction")) {
            try {
                settings.extraction = extraction_of(*name);
            } catch (const InvalidRequest&) {
                table.refuse("frame_extraction", "head, chunk, slide, uniform or full");
            }
        }
        take(table.whole("frame_stride", 1, kMostFrames), settings.stride);
        take(table.whole("frame_sample", 1, kMostSamples), settings.sample);
        take(table.whole("max_frames", 1, kMostFrames), settings.max_frames);
        take(table.number("source_fps", 0.01, 1000), settings.source_fps);
        take(table.flag("enable_bucket"), settings.buckets);
        take(table.flag("bucket_no_upscale"), settings.no_upscale);
        take(table.whole("num_repeats", 1, kMostRepeats), group.repeats);
        take(table.text("caption_extension"), group.caption_extension);
        pass_over(table, {"batch_size", "cache_directory", "debug_dataset"});
    }

    void add_diffusion_pipe(TomlTable& top) {
        Group general{.settings = {.extraction = Extraction::head, .longest_only = true},
                      .caption_extension = set_.options().caption_extension};
        read_diffusion_pipe(top, general);
        const size_t count = count_of(top, "directory");
        for (size_t i = 0; i < count; ++i) {
            TomlTable table = table_at(concat("/directory/", i));
            Group group = general;
            read_diffusion_pipe(table, group);
            take(table.whole("num_repeats", 1, kMostRepeats), group.repeats);
            require_valid(table.has("path"), name_, ": line ", table.line(), ": a [[directory]] without path");
            if (group.settings.ratios.empty()) group.settings.ratios = spaced_ratios(group);
            begin(group);
            add_source(table, "path", [&](const std::filesystem::path& path) {
                const auto captions = path / "captions.json";
                if (!is_file(captions)) return add_clip_folder(set_, path, group.caption_extension);
                add_record_list(set_, captions, read_list_text(captions, "captions of clips", kLargestList));
            });
            tell_unread(table);
        }
        tell_unread(top);
    }
    void read_diffusion_pipe(TomlTable& table, Group& group) {
        DataSettings& settings = group.settings;
        if (table.has("resolutions")) settings.resolutions = resolutions_in(table);
        read_lengths(table, "frame_buckets", settings);
        take(table.flag("enable_ar_bucket"), settings.buckets);
        const bool spaced = table.has("min_ar") || table.has("max_ar") || table.has("num_ar_buckets");
        if (spaced) settings.ratios.clear();
        take(table.number("min_ar", 0.01, 100), group.min_ratio);
        take(table.number("max_ar", 0.01, 100), group.max_ratio);
        take(table.whole("num_ar_buckets", 1, 1000), group.ratio_count);
        if (table.has("ar_buckets")) settings.ratios.clear();
        for (const json& value : table.list("ar_buckets")) {
            const auto ratio = ratio_of(value);
            if (!ratio) table.refuse("ar_buckets", "widths by heights such as [1.0, 1.5], or [width, height] pairs");
            settings.ratios.push_back(*ratio);
        }
        if (const auto skip = table.flag("skip_empty_caption")) group.without_captions = !*skip;
        pass_over(table, {"cache_shuffle_num", "cache_shuffle_delimiter"});
    }
    // Evenly in their logarithm, where anything of it is said; diffusion-pipe's example has 7 of 0.5 to 2.
    std::vector<double> spaced_ratios(const Group& group) const {
        if (!group.min_ratio && !group.max_ratio && !group.ratio_count) return {};
        const double least = group.min_ratio.value_or(0.5), most = group.max_ratio.value_or(2.0);
        const int64_t count = group.ratio_count.value_or(7);
        require_valid(least <= most, name_, ": min_ar ", least, " is above max_ar ", most);
        std::vector<double> ratios;
        for (int64_t i = 0; i < count; ++i) {
            const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
            ratios.push_back(least * std::pow(most / least, share));
        }
        return ratios;
    }

    Size resolution_in(TomlTable& table) {
        const auto size = size_of(*table.value("resolution"));
        if (!size) table.refuse("resolution", kResolution);
        return *size;
    }
    std::vector<Size> resolutions_in(TomlTable& table) {
        std::vector<Size> sizes;
        for (const json& value : table.list("resolutions")) {
            const auto size = size_of(value);
            if (!size) table.refuse("resolutions", concat("a list of ", kResolution));
            sizes.push_back(*size);
        }
        if (sizes.empty()) table.refuse("resolutions", concat("a list of ", kResolution));
        return sizes;
    }
    void read_lengths(TomlTable& table, const std::string& key, DataSettings& settings) {
        if (!table.has(key)) return;
        std::vector<int64_t> lengths;
        for (const json& value : table.list(key)) {
            const auto frames = whole_of(value, 1, kMostFrames);
            if (!frames) table.refuse(key, "whole numbers of frames such as [1, 25, 81]");
            const int64_t whole = (*frames - 1) / 4 * 4 + 1;
            if (whole != *frames) {
                set_.tell(Kind::changed, {list_, table.line(key)},
                          concat(key, " ", *frames, " is not 4k+1; ", whole, " is taken"));
            }
            lengths.push_back(whole);
        }
        if (lengths.empty()) table.refuse(key, "whole numbers of frames such as [1, 25, 81]");
        std::ranges::sort(lengths);
        lengths.erase(std::ranges::unique(lengths).begin(), lengths.end());
        settings.target_frames = std::move(lengths);
    }

    void begin(const Group& group) { set_.begin_group(group.settings, group.repeats, group.without_captions); }
    // The clips that a key names; what goes wrong there is a problem of this line, and the other groups stay.
    void add_source(TomlTable& table, const std::string& key, auto&& add) {
        const auto name = table.text(key);
        const Place place{list_, table.line(key)};
        const size_t before = set_.items();
        try {
            require_valid(name->find('\0') == std::string::npos, key, " ", in_quotes(*name), " is no name of a file");
            add(set_.resolve(list_, *name));
            if (set_.items() == before)
                set_.tell(Kind::no_file, place, concat(key, " ", in_quotes(*name), " gives no clips"));
        } catch (const InvalidRequest& error) {
            set_.tell(Kind::broken, place, printable(error.what()));
        }
    }
    void pass_over(TomlTable& table, std::initializer_list<const char*> keys) {
        for (const char* key : keys) {
            if (table.has(key)) set_.pass_over(key);
        }
    }
    void tell_unread(const TomlTable& table) {
        for (const std::string& key : table.unread()) set_.tell_unread({list_, table.line(key)}, key);
    }

    SetBuilder& set_;
    const std::filesystem::path& list_;
    const std::string name_;
    const TomlText text_;
};

}  // namespace

void add_toml_list(SetBuilder& set, const std::filesystem::path& list, std::string_view text) {
    Reader(set, list, text).add_groups();
}

}  // namespace t3video::training
