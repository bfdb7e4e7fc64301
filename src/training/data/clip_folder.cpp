// Pairs clips with captions by their names.
#include "training/data/clip_folder.h"

#include <set>

#include "core/error.h"
#include "core/paths.h"
#include "core/printable.h"
#include "training/data/list_text.h"

namespace t3video::training {
namespace {

using Kind = DataProblem::Kind;

constexpr size_t kLongestCaption = size_t{1} << 20;

}  // namespace

void add_clip_folder(SetBuilder& set, const std::filesystem::path& folder, std::string extension,
                     std::optional<ClipKind> only) {
    require_valid(is_folder(folder), folder.string(), ": is no folder of clips");
    if (!extension.starts_with('.')) extension.insert(0, 1, '.');
    std::set<std::filesystem::path> captions, paired;
    std::vector<std::filesystem::path> clips;
    for (const auto& entry : entries_of(folder)) {
        const std::string name = entry.filename().string();
        if (name.starts_with('.')) continue;
        if (clip_kind_of(entry))
            clips.push_back(entry);
        else if (name.ends_with(extension))
            captions.insert(entry);
    }
    for (const auto& clip : clips) {
        const auto caption = std::filesystem::path(clip).replace_extension(extension);
        const bool has_caption = captions.contains(caption);
        paired.insert(caption);
        if (only && clip_kind_of(clip) != only) continue;
        try {
            if (!is_file(clip)) continue;
            std::vector<std::string> texts;
            if (has_caption) texts.push_back(read_list_text(caption, "a caption", kLongestCaption));
            set.add_file({folder}, clip, texts);
        } catch (const InvalidRequest& error) {
            set.tell(Kind::broken, {folder}, printable(error.what()));
        }
    }
    for (const auto& caption : captions) {
        if (!paired.contains(caption))
            set.tell(Kind::no_file, {folder},
                     concat(in_quotes(caption.filename().string()), " is a caption without a clip"));
    }
}

}  // namespace t3video::training
