// Checks clips as lists name them.
#include "training/data/set_builder.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/paths.h"
#include "core/printable.h"
#include "core/utf8.h"
#include "media/film_format.h"
#include "training/data/list_text.h"

namespace t3video::training {

using Kind = DataProblem::Kind;

namespace {

constexpr size_t kLongestPath = 4096;  // bytes that Linux takes

}  // namespace

std::optional<ClipKind> clip_kind_of(const std::filesystem::path& file) {
    constexpr std::array<std::string_view, 16> kVideos = {".mp4",  ".mkv",  ".mov", ".webm", ".avi", ".m4v",
                                                          ".mpg",  ".mpeg", ".wmv", ".flv",  ".ts",  ".mts",
                                                          ".m2ts", ".y4m",  ".gif", ".apng"};
    constexpr std::array<std::string_view, 13> kPictures = {".png",  ".jpg",  ".jpeg", ".webp", ".bmp", ".tif", ".tiff",
                                                            ".avif", ".heic", ".heif", ".jp2",  ".jxl", ".dds"};
    const std::string extension = media::extension_of(file);
    if (std::ranges::find(kVideos, extension) != kVideos.end()) return ClipKind::video;
    if (std::ranges::find(kPictures, extension) != kPictures.end()) return ClipKind::picture;
    return std::nullopt;
}

void SetBuilder::begin_group(DataSettings settings, int64_t repeats, bool without_captions) {
    set_.groups.push_back(std::move(settings));
    repeats_ = repeats;
    without_captions_ = without_captions || options_.without_captions;
}

void SetBuilder::tell(Kind kind, const Place& place, std::string what) {
    set_.problems.push_back({kind, place.file, place.line, std::move(what)});
}

void SetBuilder::tell_unread(const Place& place, const std::string& name) {
    if (unread_.emplace(place.file.string(), name).second)
        tell(Kind::unread, place, in_quotes(name) + " is not read here");
}

void SetBuilder::pass_over(const std::string& name) {
    if (std::ranges::find(set_.passed_over, name) == set_.passed_over.end()) set_.passed_over.push_back(name);
}

std::filesystem::path SetBuilder::resolve(const std::filesystem::path& list, const std::string& name) const {
    const auto path = ((options_.base.empty() ? folder_above(list) : options_.base) / name).lexically_normal();
    return path.has_filename() ? path : path.parent_path();  // "clips/." is "clips/"
}

std::optional<std::filesystem::path> SetBuilder::find(const Place& place, const std::string& name) {
    if (name.empty() || name.find('\0') != std::string::npos) {
        tell(Kind::broken, place, name.empty() ? "names no file" : concat(in_quotes(name), " is no name of a file"));
        return std::nullopt;
    }
    try {
        const std::filesystem::path file = resolve(place.file, name);
        const auto is_clip = [](const std::filesystem::path& path) { return is_file(path) || is_folder(path); };
        if (is_clip(file)) return file;
        const std::filesystem::path below = resolve(place.file, "videos/" + name);
        if (std::filesystem::path(name).is_relative() && is_clip(below)) return below;
        tell(Kind::no_file, place, concat("there is no file ", in_quotes(file.string(), kLongestPath)));
    } catch (const InvalidRequest& error) {
        tell(Kind::no_file, place, printable(error.what()));
    }
    return std::nullopt;
}

void SetBuilder::add(const Place& place, const std::string& name, const std::vector<std::string>& captions) {
    if (const auto file = find(place, name)) add_file(place, *file, captions);
}

void SetBuilder::add_file(const Place& place, const std::filesystem::path& file,
                          const std::vector<std::string>& captions) {
    const std::string name = file.filename().string();
    DataItem item{.file = file.lexically_normal(),
                  .kind = clip_kind_of(file).value_or(ClipKind::video),
                  .repeats = repeats_,
                  .group = set_.groups.size() - 1};
    for (const std::string& caption : captions) {
        if (!is_utf8_text(caption)) {
            return tell(Kind::broken, place, concat("the caption of ", in_quotes(name), " is no text in UTF-8"));
        }
        if (const auto text = trimmed(caption); !text.empty()) item.captions.emplace_back(text);
    }
    if (item.captions.empty()) {
        tell(Kind::no_caption, place, concat(in_quotes(name), " has no caption"));
        if (!without_captions_) return;
        item.captions.emplace_back();
    }
    if (known_.emplace(item.group, item.file.string(), item.captions).second) {
        set_.items.push_back(std::move(item));
    } else {
        tell(Kind::repeated, place, concat(in_quotes(name), " stands here again, with the same caption"));
    }
}

DataSet SetBuilder::finish(const std::filesystem::path& path) && {
    if (!set_.items.empty()) return std::move(set_);
    const auto cause = std::ranges::find_if(set_.problems, [](const DataProblem& problem) {
        return problem.kind != Kind::unread && problem.kind != Kind::changed;
    });
    require_valid(cause != set_.problems.end(), path.string(), ": holds no clips");
    const Message remedy = cause->kind == Kind::no_caption
                               ? Message("; ", Field("without-captions"), " takes such clips, with an empty caption")
                               : Message();
    throw InvalidRequest(
        Message(path.string(), ": holds no clip that can be used: ", cause->text(),
                set_.problems.size() > 1 ? concat(" (the first of ", set_.problems.size(), " problems)") : "", remedy));
}

}  // namespace t3video::training
